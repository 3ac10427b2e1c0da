import { createHash } from 'node:crypto';
import {
  CLOCK_SLACK_MS,
  type Counter,
  type CounterStore,
  type Hit,
  MOST_STRIKES,
} from './counter-store.ts';
import type { ValkeyClient } from './valkey-client.ts';

/** A server may be shared with others. */
const PREFIX = 'authctl:limit:';

/**
 * KEYS: counters. ARGV: now, then limit, window and longest block of each. Times are milliseconds.
 * Returns 0 and the windows' ends, or the place of the first full counter and when it opens.
 *
 * The caller's time decides; the server's own only removes what nobody can need any more.
 */
const RESERVE = script(`
  local now = tonumber(ARGV[1])
  local function read(key)
    local f = redis.call('HMGET', key, 'hits', 'strikes', 'window', 'blocked', 'expires')
    for i = 1, 5 do f[i] = tonumber(f[i] or 0) end
    return { hits = f[1], strikes = f[2], window = f[3], blocked = f[4], expires = f[5] }
  end
  local function text(number) return string.format('%.0f', number) end

  local counters = {}
  for i, key in ipairs(KEYS) do
    local c = read(key)
    c.limit, c.length, c.longest = tonumber(ARGV[3*i-1]), tonumber(ARGV[3*i]), tonumber(ARGV[3*i+1])
    c.opens = math.max(c.window, c.blocked)
    c.over = c.opens <= now or c.opens > now + math.max(c.length, c.longest) + ${CLOCK_SLACK_MS}
    if c.hits >= c.limit and not c.over then return { i, c.opens } end
    counters[i] = c
  end

  local reply = { 0 }
  for i, key in ipairs(KEYS) do
    local c = counters[i]
    if c.over then
      if c.expires <= now then c.strikes = 0 end
      c.hits, c.window, c.blocked = 1, now + c.length, 0
      c.expires = c.window + c.longest
    else
      c.hits = c.hits + 1
      if c.hits == c.limit then
        c.blocked = now + math.min(c.length * 2 ^ c.strikes, c.longest)
        c.strikes = math.min(c.strikes + 1, ${MOST_STRIKES})
        c.expires = math.max(c.window, c.blocked) + c.longest
      end
    end
    redis.call('HSET', key, 'hits', text(c.hits), 'strikes', text(c.strikes), 'window', text(c.window),
      'blocked', text(c.blocked), 'expires', text(c.expires))
    redis.call('PEXPIRE', key, text(c.expires - now))
    reply[i + 1] = c.window
  end
  return reply
`);

/** KEYS: a counter. ARGV: the end of the window in which the hit was counted. */
const GIVE_BACK = script(`
  local f = redis.call('HMGET', KEYS[1], 'window', 'hits', 'blocked', 'strikes')
  if f[1] ~= ARGV[1] or tonumber(f[2]) == 0 then return 0 end
  redis.call('HINCRBY', KEYS[1], 'hits', -1)
  if f[3] ~= '0' then redis.call('HSET', KEYS[1], 'blocked', '0', 'strikes', tonumber(f[4]) - 1) end
  return 1
`);

interface Script {
  readonly text: string;
  readonly sha1: string;
}

/**
 * Counters in Valkey, or Redis 7 and newer: one script a change, which the server runs alone. Not
 * for a cluster, where two counters may live on two servers.
 */
export function createValkeyStore(client: ValkeyClient): CounterStore {
  async function run({ text, sha1 }: Script, keys: string[], args: (string | number)[]) {
    const options = { keys, arguments: args.map(String) };
    try {
      return await client.evalSha(sha1, options);
    } catch (error) {
      if (!isUnknownScript(error)) throw error;
      return await client.eval(text, options);
    }
  }

  function toHit(key: string, windowEndsAt: number): Hit {
    return {
      async giveBack() {
        await run(GIVE_BACK, [key], [windowEndsAt]);
      },
    };
  }

  return {
    async reserve(counters, now) {
      const keys = counters.map(toKey);
      const args = counters.flatMap(({ rule }) => [rule.limit, rule.windowMs, rule.longestBlockMs]);
      const reply = (await run(RESERVE, keys, [now.getTime(), ...args])) as [number, ...number[]];
      const [place, ...times] = reply;
      const full = counters[place - 1];
      if (full) return { full, until: new Date(times[0]!) };
      return { full: null, hits: keys.map((key, index) => toHit(key, times[index]!)) };
    },
    async clear(counter) {
      await client.del(toKey(counter));
    },
  };
}

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

function toKey({ key }: Counter): string {
  return PREFIX + key;
}

/** The server was restarted or told to forget its scripts. */
function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}
