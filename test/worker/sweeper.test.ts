import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { emlName } from '../../src/services/mail/transport/eml-files.ts';
import { createRemoveUnverified } from '../../src/services/user/remove-unverified.ts';
import { createSweeper, type SweeperDeps } from '../../src/worker/sweeper.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { lockRow } from '../support/lock.ts';

const DAY_MS = 86_400_000;

let appliance: TestAppliance;
beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_EVENTS_STDOUT: 'on' } });
});
afterAll(() => appliance.stop());
afterEach(() =>
  appliance.sql('TRUNCATE users, flows, mails, events, idempotency_keys, limit_counters CASCADE'),
);

function openSweeper(batch = 100, changes: Partial<SweeperDeps> = {}) {
  return createSweeper({
    db: appliance.core.db,
    log: appliance.core.log,
    intervalMs: 60_000,
    batch,
    knownNetworkTtlMs: 90 * DAY_MS,
    eventRetentionMs: 30 * DAY_MS,
    removeUnverified: createRemoveUnverified({ ...appliance.core, ttlMs: 7 * DAY_MS }),
    removeOldAudit: async () => 0,
    removeOldMailFiles: async () => 0,
    ...changes,
  });
}
const sweep = (batch?: number) => openSweeper(batch).sweepOnce(new AbortController().signal);

/** Rows of a table by how old something about them is, and whether they are to be kept. */
interface Case {
  readonly table: string;
  /** Inserts one row; `$1` is a number of its own, `$2` an interval that may be negative. */
  readonly insert: string;
  readonly gone: readonly string[];
  readonly kept: readonly string[];
}

const USER = `'01800000-0000-7000-8000-000000000001'`;
const ID = `('01800000-0000-7000-8000-' || lpad($1::text, 12, '0'))::uuid`;
const IN = 'now() + $2::interval';
const DIGEST = 'sha256($1::text::bytea)';

const sessions = (ended: string) => `INSERT INTO sessions
  (id, user_id, secret_digest, created_at, last_used_at, expires_at, ended_at)
  VALUES (${ID}, ${USER}, ${DIGEST}, now(), now(), ${ended})`;
const users = (status: string, verified: string) => `INSERT INTO users
  (id, status, email_verified_at, created_at, updated_at)
  VALUES (${ID}, '${status}', ${verified}, ${IN}, now())`;
const mails = (status: string, channel = 'mail') => `INSERT INTO mails
  (id, channel, kind, recipient, message_id, status, next_attempt_at, created_at)
  VALUES (${ID}, '${channel}', 'welcome', 'ada@example.com', 'x', '${status}', now(), ${IN})`;
const events = (columns: string, values: string) => `INSERT INTO events
  (id, type, payload, created_at, ${columns}) VALUES (${ID}, 'user.verified', '{}', ${IN}, ${values})`;

const CASES: Readonly<Record<string, Case>> = {
  'flows that have expired': {
    table: 'flows',
    insert: `INSERT INTO flows (token_digest, purpose, created_at, expires_at)
             VALUES (${DIGEST}, 'verify', now(), ${IN})`,
    gone: ['-1 s', '-1 day'],
    kept: ['1 min'],
  },
  'sessions that expired, a day later': {
    table: 'sessions',
    insert: sessions(`${IN}, NULL`),
    gone: ['-25 h'],
    kept: ['-23 h', '1 day'],
  },
  'sessions that ended, a month later': {
    table: 'sessions',
    insert: sessions(`now() + interval '1 day', ${IN}`),
    gone: ['-31 days'],
    kept: ['-29 days'],
  },
  'answers kept for an Idempotency-Key': {
    table: 'idempotency_keys',
    insert: `INSERT INTO idempotency_keys (digest, fingerprint, user_id, sealed, expires_at)
             VALUES (${DIGEST}, '', ${USER}, '', ${IN})`,
    gone: ['-1 s'],
    kept: ['1 min'],
  },
  'counters whose window is over': {
    table: 'limit_counters',
    insert: `INSERT INTO limit_counters (key, hits, window_ends_at, expires_at)
             VALUES ($1::text, 1, now(), ${IN})`,
    gone: ['-1 s'],
    kept: ['1 min'],
  },
  'processes that were killed': {
    table: 'nodes',
    insert: `INSERT INTO nodes (id, kind, host, pid, version, started_at, seen_at)
             VALUES (${ID}, 'api', 'h', 1, 'v', now(), ${IN})`,
    gone: ['-61 min'],
    kept: ['-1 min'],
  },
  'mails that were sent': {
    table: 'mails',
    insert: mails('sent'),
    gone: ['-31 days'],
    kept: ['-29 days'],
  },
  'mails that were given up': {
    table: 'mails',
    insert: mails('dead'),
    gone: ['-31 days'],
    kept: ['-29 days'],
  },
  'text messages that waited for days': {
    table: 'mails',
    insert: mails('queued', 'sms'),
    gone: ['-49 h'],
    kept: ['-47 h'],
  },
  'no mail that waits': { table: 'mails', insert: mails('queued'), gone: [], kept: ['-400 days'] },
  'accounts that never proved their mailbox': {
    table: 'users',
    insert: users('pending', 'NULL'),
    gone: ['-8 days'],
    kept: ['-6 days'],
  },
  'no account that was made pending again': {
    table: 'users',
    insert: users('pending', 'now()'),
    gone: [],
    kept: ['-400 days'],
  },
  'no account of a domain that asks for no proof': {
    table: 'users',
    insert: users('active', 'NULL'),
    gone: [],
    kept: ['-400 days'],
  },
  'no account that is locked': {
    table: 'users',
    insert: users('locked', 'NULL'),
    gone: [],
    kept: ['-400 days'],
  },
  'networks that somebody signed in from': {
    table: 'known_networks',
    insert: `INSERT INTO known_networks (user_id, network, last_login_at)
             VALUES (${USER}, $1::text, ${IN})`,
    gone: ['-91 days'],
    kept: ['-89 days'],
  },
  'no network that is its user’s only one': {
    table: 'known_networks',
    insert: `INSERT INTO known_networks (user_id, network, last_login_at)
             VALUES (${USER}, $1::text, ${IN})`,
    gone: [],
    kept: ['-400 days'],
  },
  'events that were published': {
    table: 'events',
    insert: events('published_at', IN),
    gone: ['-31 days'],
    kept: ['-29 days'],
  },
  'no event that waits': {
    table: 'events',
    insert: events('attempts', '1'),
    gone: [],
    kept: ['-400 days'],
  },
  'no event that was given up': {
    table: 'events',
    insert: events('dead_at', IN),
    gone: [],
    kept: ['-400 days'],
  },
};

/** Rows of a table; the user that other rows belong to is none of those looked at. */
async function count(table: string): Promise<number> {
  const which = table === 'users' ? `WHERE id <> ${USER}` : '';
  const [row] = await appliance.sql<{ rows: number }>(
    `SELECT count(*)::int AS rows FROM ${table} ${which}`,
  );
  return row!.rows;
}

function addOwner(): Promise<unknown> {
  return appliance.sql(
    `INSERT INTO users (id, status, created_at, updated_at) VALUES (${USER}, 'active', now(), now())`,
  );
}

test.each(Object.entries(CASES))('removes %s', async (_, { table, insert, gone, kept }) => {
  await addOwner();
  // What is kept comes first, so that the numbers begin with two: one is the owner's.
  let number = 1;
  for (const age of [...kept, ...gone]) {
    number += 1;
    await appliance.sql(insert, [number, age]);
  }
  // The node of this test's own appliance is there, too.
  const others = (await count(table)) - kept.length - gone.length;
  expect(await sweep()).toBe(gone.length);
  expect(await count(table)).toBe(others + kept.length);
  expect(await sweep()).toBe(0);
});

test('an account that goes takes what belongs to it', async () => {
  const email = 'never-verified@example.com';
  const body = { email, password: 'correct horse battery staple' };
  expect((await appliance.call('/v1/register', { body })).status).toBe(202);
  const [{ id } = { id: '' }] = await appliance.sql<{ id: string }>(
    `UPDATE users SET created_at = now() - interval '8 days' RETURNING id`,
  );
  expect(await sweep()).toBe(1);
  for (const table of ['users', 'credentials', 'sessions']) expect(await count(table)).toBe(0);
  const heard = await appliance.sql(
    `SELECT type, user_id = $1 AS is_theirs FROM events WHERE type = 'user.deleted'`,
    [id],
  );
  expect(heard).toEqual([{ type: 'user.deleted', is_theirs: true }]);
  const records = await appliance.sql(
    `SELECT actor_kind, detail FROM audit WHERE action = 'user.deleted' AND user_id = $1`,
    [id],
  );
  expect(records).toEqual([{ actor_kind: 'system', detail: { reason: 'never_verified' } }]);
  // The address is free again.
  await appliance.sql('DELETE FROM mails');
  expect((await appliance.call('/v1/register', { body })).status).toBe(202);
  expect(await appliance.sql('SELECT kind FROM mails')).toEqual([{ kind: 'verify_email' }]);
});

test('sweepers at once remove each row once, in batches', async () => {
  await appliance.sql(
    `INSERT INTO flows (token_digest, purpose, created_at, expires_at)
     SELECT sha256(n::text::bytea), 'verify', now(), now() - interval '1 s'
     FROM generate_series(1, 2000) AS n`,
  );
  const swept = await Promise.all(Array.from({ length: 4 }, () => sweep(50)));
  let total = swept.reduce((sum, one) => sum + one);
  // One that met rows another had locked may have ended early; the next round finds what is left.
  total += await sweep(50);
  expect(total).toBe(2_000);
  expect(await count('flows')).toBe(0);
});

test('a row that somebody else holds is passed over, not waited for', async () => {
  await addOwner();
  const insert = sessions(`${IN}, NULL`);
  for (const number of [1, 2, 3]) await appliance.sql(insert, [number, '-2 days']);
  const [first] = await appliance.sql<{ id: string }>('SELECT id FROM sessions ORDER BY id');
  const held = await lockRow(appliance.core.store.connectionString, 'sessions', first!.id);
  expect(await sweep()).toBe(2);
  await held.release();
  expect(await sweep()).toBe(1);
});

test('asked to stop, a sweep ends with the batch that is under way', async () => {
  const stop = new AbortController();
  const asked: string[] = [];
  const sweeper = openSweeper(10, {
    async removeUnverified(limit) {
      asked.push('accounts');
      stop.abort();
      return limit;
    },
    async removeOldAudit() {
      asked.push('audit');
      return 0;
    },
  });
  expect(await sweeper.sweepOnce(stop.signal)).toBe(10);
  expect(asked).toEqual(['accounts']);
});

test('a sweep that fails is not the last', async () => {
  const stop = new AbortController();
  let rounds = 0;
  const sweeper = openSweeper(10, {
    intervalMs: 1,
    async removeUnverified() {
      rounds += 1;
      if (rounds < 3) throw new Error('away');
      return 0;
    },
  });
  const running = sweeper.run(stop.signal);
  await eventually('it has swept again', () => rounds >= 4);
  stop.abort();
  await running;
});

test('an account whose mailbox is being proved is left alone', async () => {
  const body = { email: 'late@example.com', password: 'correct horse battery staple' };
  await appliance.call('/v1/register', { body });
  await appliance.sql(`UPDATE users SET created_at = now() - interval '8 days'`);
  const [{ id } = { id: '' }] = await appliance.sql<{ id: string }>('SELECT id FROM users');
  const proof = await lockRow(appliance.core.store.connectionString, 'users', id);
  expect(await sweep()).toBe(0);
  await proof.release();
  expect(await count('users')).toBe(1);
});

test('files of development mails go as late as the rows of sent mails', async () => {
  const root = await mkdtemp('/tmp/authctl-mail-files-');
  const env = { AUTHCTL_DATA_DIR: root, AUTHCTL_SWEEPER_INTERVAL: '100ms' };
  const installation = await startAppliance({ env });
  const nameAt = (daysAgo: number) => {
    const date = new Date(installation.clock.now().getTime() - daysAgo * DAY_MS);
    return emlName({ date, kind: 'welcome', id: '019ab3c4-0000-7000-8000-000000000001' });
  };
  const [old, young] = [nameAt(31), nameAt(29)];
  const dir = join(root, 'mail');
  await mkdir(dir);
  for (const name of [old, young]) await writeFile(join(dir, name), '');

  await installation.startWorker();
  await eventually('the old one has gone', async () => !(await readdir(dir)).includes(old));
  expect(await readdir(dir)).toEqual([young]);
  await installation.stop();
  await rm(root, { recursive: true });
});
