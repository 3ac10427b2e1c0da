import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../../src/db/database.ts';
import type { Counter, CounterStore } from '../../../src/services/limit/counter-store.ts';
import {
  createInsuredStore,
  type InsuredStore,
} from '../../../src/services/limit/insured-store.ts';
import { createLocalStore } from '../../../src/services/limit/local-store.ts';
import { openCounterStore } from '../../../src/services/limit/open-counter-store.ts';
import { createPostgresStore } from '../../../src/services/limit/postgres-store.ts';
import type { Rule } from '../../../src/services/limit/rules.ts';
import type { ValkeyClient } from '../../../src/services/limit/valkey-client.ts';
import { createValkeyStore } from '../../../src/services/limit/valkey-store.ts';
import { eventually } from '../../support/eventually.ts';
import { createManualClock, type ManualClock } from '../../support/manual-clock.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { type RedisServer, redisBinary, startRedis, whyNoRedis } from '../../support/redis.ts';
import { connect, log } from './stores.ts';

const RULE: Rule = { name: 'guess', limit: 5, windowMs: 300_000, longestBlockMs: 0 };
const PROBE_MS = 1_000;
let guessed = 0;

/** A counter nobody has used. */
function counter(): Counter {
  guessed += 1;
  return { rule: RULE, key: `guess:${guessed}` };
}

/** How many of `calls` parallel guesses get through. */
async function admitted(store: CounterStore, on: Counter, now: Date, calls = 100): Promise<number> {
  const results = await Promise.all(Array.from({ length: calls }, () => store.reserve([on], now)));
  return results.filter(({ full }) => full === null).length;
}

describe.skipIf(redisBinary === null)(`a limiter over ${redisBinary ?? whyNoRedis}`, () => {
  let server: RedisServer;
  let client: ValkeyClient;
  beforeAll(async () => {
    server = await startRedis();
    client = await connect(server.url);
  });
  // The test before may have ended the server and the connection with it.
  beforeEach(() => eventually('the server answers', async () => (await client.ping()) === 'PONG'));
  afterAll(async () => {
    client.destroy();
    await server.stop();
  });

  function insure(timeoutMs = 50) {
    const clock = createManualClock();
    const local = createLocalStore();
    const valkey = createValkeyStore(client);
    let asked = 0;
    const shared: CounterStore = {
      ...valkey,
      reserve(counters, now) {
        asked += 1;
        return valkey.reserve(counters, now);
      },
    };
    const store = createInsuredStore({ shared, local, clock, log, timeoutMs });
    return { clock, store, asked: () => asked };
  }

  /** Lets time pass until the store is asked again and has answered. */
  async function untilShared(insured: { clock: ManualClock; store: InsuredStore }): Promise<void> {
    const { clock, store } = insured;
    await eventually('the counters are shared again', async () => {
      clock.advance(PROBE_MS);
      await store.reserve([counter()], clock.now());
      return !store.isLocal();
    });
  }

  test('killed in the middle of an attack: local counters take over, then it is asked again', async () => {
    const insured = insure(2_000);
    const { clock, store } = insured;
    const on = counter();
    expect(await admitted(store, on, clock.now())).toBe(5);

    await server.kill();
    expect(await admitted(store, on, clock.now(), 200)).toBe(5);
    expect(await admitted(store, on, clock.now(), 200)).toBe(0);
    expect(store.isLocal()).toBe(true);

    await server.start();
    await untilShared(insured);
    // Nothing was kept by the server; what it grants anew is one budget, for all processes together.
    expect(await admitted(store, on, clock.now(), 200)).toBe(5);
    expect(await admitted(store, on, clock.now())).toBe(0);
  });

  test('an outage in the same window as another never grants a further local budget', async () => {
    const insured = insure(2_000);
    const { clock, store } = insured;
    const on = counter();
    for (const expected of [5, 0, 0]) {
      await server.kill();
      expect(await admitted(store, on, clock.now())).toBe(expected);
      await server.start();
      await untilShared(insured);
    }
  });

  test('hanging: one call in a while waits for the time-out, all others are local at once', async () => {
    const insured = insure();
    const { clock, store, asked } = insured;
    const on = counter();
    server.pause();
    try {
      expect(await admitted(store, on, clock.now(), 200)).toBe(5);
      expect(store.isLocal()).toBe(true);
      const before = asked();
      expect(await admitted(store, on, clock.now(), 200)).toBe(0);
      expect(asked()).toBe(before);
      clock.advance(PROBE_MS);
      expect(await admitted(store, on, clock.now(), 200)).toBe(0);
      expect(asked()).toBe(before + 1);
    } finally {
      server.resume();
    }
    await untilShared(insured);
  });

  test('a process that was itself held up takes the answer that waits for it', async () => {
    const { clock, store } = insure(10);
    const reserved = store.reserve([counter()], clock.now());
    // The request has left; what follows holds this process up until the answer has long arrived.
    await new Promise((resolve) => setImmediate(resolve));
    execFileSync('sleep', ['0.1']);
    expect((await reserved).full).toBeNull();
    expect(store.isLocal()).toBe(false);
  });

  test('an answer that came too late is given back', async () => {
    const insured = insure(10);
    const { clock, store } = insured;
    const on = counter();
    server.pause();
    const results = await Promise.all([1, 2].map(() => store.reserve([on], clock.now())));
    expect(results.map(({ full }) => full)).toEqual([null, null]);
    server.resume();
    const shared = createValkeyStore(client);
    await eventually('all five are free again', async () => {
      const hits: (() => Promise<void>)[] = [];
      for (let call = 0; call < 5; call += 1) {
        const reservation = await shared.reserve([on], clock.now());
        if (!reservation.full) hits.push(...reservation.hits.map((hit) => hit.giveBack));
      }
      await Promise.all(hits.map((giveBack) => giveBack()));
      return hits.length === 5;
    });
  });

  test('told to forget everything, it goes on counting from nothing', async () => {
    const { clock, store } = insure(2_000);
    const on = counter();
    const reservation = await store.reserve([on], clock.now());
    expect(await admitted(store, on, clock.now())).toBe(4);
    await client.flushAll();
    await client.scriptFlush();
    if (!reservation.full) await reservation.hits[0]!.giveBack();
    expect(await admitted(store, on, clock.now())).toBe(5);
    expect(store.isLocal()).toBe(false);
  });

  test('away at the start, it neither stops the start nor unlimits anything', async () => {
    const clock = createManualClock();
    await server.kill();
    const db = openDatabase({
      connectionString: 'postgresql://nobody@127.0.0.1:1/none',
      poolSize: 1,
      log,
      applicationName: 'test',
    });
    const valkey = { url: server.url.replace('redis:', 'valkey:'), timeoutMs: 2_000 };
    const store = await openCounterStore({ db, clock, log, valkey });
    const on = counter();
    expect(await admitted(store, on, clock.now())).toBe(5);
    await server.start();
    await untilShared({ clock, store });
    expect(await admitted(store, on, clock.now())).toBe(5);
    store.close();
    await db.close();
  });

  test('two processes share one budget', async () => {
    const [one, two] = [insure(2_000), insure(2_000)];
    const on = counter();
    const counts = await Promise.all(
      [one, two].map(({ store, clock }) => admitted(store, on, clock.now(), 150)),
    );
    expect(counts[0]! + counts[1]!).toBe(5);
  });
});

describe('a limiter over PostgreSQL', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  function open(connectionString: string) {
    return openDatabase({ connectionString, poolSize: 4, log, applicationName: 'test' });
  }

  test('a closed database never means unlimited: local counters take over', async () => {
    const clock = createManualClock();
    const db = open(database.connectionString);
    const store = await openCounterStore({ db, clock, log, valkey: null });
    const on = counter();
    expect(await admitted(store, on, clock.now())).toBe(5);
    expect(store.isLocal()).toBe(false);
    await db.close();
    expect(await admitted(store, on, clock.now(), 200)).toBe(5);
    expect(await admitted(store, on, clock.now(), 200)).toBe(0);
    expect(store.isLocal()).toBe(true);
    store.close();
  });

  test('a database that comes back is used again, with what it had counted', async () => {
    const clock = createManualClock();
    let db = open(database.connectionString);
    const shared: CounterStore = {
      reserve: (counters, now) => createPostgresStore(db).reserve(counters, now),
      clear: (of) => createPostgresStore(db).clear(of),
    };
    const local = createLocalStore();
    const store = createInsuredStore({ shared, local, clock, log, timeoutMs: null });
    const on = counter();
    expect(await admitted(store, on, clock.now(), 3)).toBe(3);
    await db.close();
    expect(await admitted(store, on, clock.now())).toBe(5);

    db = open(database.connectionString);
    expect(await admitted(store, on, clock.now())).toBe(0);
    clock.advance(PROBE_MS);
    await store.reserve([counter()], clock.now());
    expect(store.isLocal()).toBe(false);
    expect(await admitted(store, on, clock.now())).toBe(2);
    await db.close();
  });
});

describe('the local counters', () => {
  let store: ReturnType<typeof createLocalStore>;
  beforeEach(() => {
    store = createLocalStore(100);
  });
  const now = new Date('2026-03-01T12:00:00Z');

  test('never grow beyond their bound, and one rule never pushes out another’s counts', async () => {
    const on = counter();
    expect(await admitted(store, on, now)).toBe(5);
    const cheap: Rule = { ...RULE, name: 'cheap' };
    await Promise.all(
      Array.from({ length: 1_000 }, (_, index) =>
        store.reserve([{ rule: cheap, key: `cheap:${index}` }], now),
      ),
    );
    expect(store.size()).toBe(101);
    expect(await admitted(store, on, now)).toBe(0);
  });
});

test('what is to be forgotten is forgotten locally, too, and does not count in the next outage', async () => {
  const clock = createManualClock();
  const healthy = createLocalStore();
  const fail = () => Promise.reject(new Error('away'));
  const away: CounterStore = { reserve: fail, clear: fail };
  let reached = away;
  const shared: CounterStore = {
    reserve: (counters, now) => reached.reserve(counters, now),
    clear: (on) => reached.clear(on),
  };
  const local = createLocalStore();
  const store = createInsuredStore({ shared, local, clock, log, timeoutMs: null });
  const on = counter();
  expect(await admitted(store, on, clock.now())).toBe(5);

  reached = healthy;
  clock.advance(PROBE_MS);
  await store.clear(on);
  expect(store.isLocal()).toBe(false);
  reached = away;
  expect(await admitted(store, on, clock.now())).toBe(5);
});
