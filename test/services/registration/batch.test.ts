import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomBytes, uuidv7 } from '../../../src/crypto/random.ts';
import { type Db, openDatabase } from '../../../src/db/database.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { createRegistrationBatch } from '../../../src/services/registration/batch.ts';
import type { RegistrationRow } from '../../../src/services/registration/row.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await createTestDatabase();
  const log = createLogger({ level: 'silent' });
  const { connectionString } = database;
  db = openDatabase({ connectionString, poolSize: 4, log, applicationName: 'test' });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

function createBatch(batches: number[] = []) {
  const silent = { soon: () => undefined, flush: async () => undefined };
  return createRegistrationBatch({
    db,
    clock: systemClock,
    metrics: { observeBatch: (rows) => batches.push(rows) },
    wake: { hash: silent, mail: silent },
    batchSize: 200,
    maxWaiting: 1_000,
    maxWaitMs: 2_000,
  });
}

function rowOf(email: string, changes: Partial<RegistrationRow> = {}): RegistrationRow {
  const createdAt = new Date();
  return {
    id: uuidv7(createdAt.getTime()),
    email,
    username: null,
    usernameKey: null,
    phone: null,
    status: 'active',
    createdAt,
    ip: '127.0.0.1',
    userAgent: null,
    requestId: 'test',
    credential: { pepperKid: 'k', salt: randomBytes(16), pending: randomBytes(32), phc: null },
    ...changes,
  };
}

const query = <Row extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
  db.query<Row>({ name: '', text }, values);

test('a value that PostgreSQL itself refuses fails its own request alone', async () => {
  const rows = Array.from({ length: 100 }, (_, index) => rowOf(`row${index}@open.example`));
  rows[17] = rowOf('nul@open.example', { username: 'a\0b' });
  rows[63] = rowOf('NOT.CANONICAL@open.example');
  rows[64] = rowOf('salt@open.example', {
    credential: { pepperKid: 'k', salt: randomBytes(3), pending: randomBytes(32), phc: null },
  });
  rows[99] = rowOf('row0@open.example');
  const batch = createBatch();
  const outcomes = await Promise.allSettled(rows.map((row) => batch.submit(row)));

  const refused = outcomes.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []));
  expect(refused).toEqual([17, 63, 64]);
  const created = outcomes.filter((one) => one.status === 'fulfilled' && one.value);
  expect(created).toHaveLength(96);
  expect(outcomes[0]!.status === 'fulfilled' && outcomes[99]!.status === 'fulfilled').toBe(true);
  const counted = await query(
    'SELECT count(*)::int AS users, count(c)::int AS credentials FROM users AS u LEFT JOIN credentials AS c ON c.user_id = u.id',
  );
  expect(counted).toEqual([{ users: 96, credentials: 96 }]);
});

test('one key twice in a batch makes one account, in one statement', async () => {
  const idempotency = {
    digest: randomBytes(32),
    fingerprint: randomBytes(32),
    sealed: randomBytes(32),
    expiresAt: new Date(Date.now() + 60_000),
  };
  const statements: number[] = [];
  const batch = createBatch(statements);
  const created = await Promise.all([
    batch.submit(rowOf('key1@open.example', { idempotency })),
    batch.submit(rowOf('key2@open.example', { idempotency })),
    batch.submit(rowOf('key3@open.example')),
  ]);
  expect(created.filter(Boolean)).toHaveLength(2);
  expect(created[2]).toBe(true);
  expect(statements).toEqual([3]);
});

test('a key is free again when it has expired, and not before', async () => {
  const digest = randomBytes(32);
  const keyed = (email: string, expiresAt: Date) =>
    rowOf(email, {
      idempotency: { digest, fingerprint: randomBytes(32), sealed: randomBytes(32), expiresAt },
    });
  const batch = createBatch();
  const tomorrow = new Date(Date.now() + 86_400_000);
  expect(await batch.submit(keyed('expired@open.example', new Date(Date.now() - 1)))).toBe(true);
  expect(await batch.submit(keyed('again@open.example', tomorrow))).toBe(true);
  expect(await batch.submit(keyed('toosoon@open.example', tomorrow))).toBe(false);
});

test('batches that share addresses in opposite orders do not dead-lock', async () => {
  const emails = Array.from({ length: 100 }, (_, index) => `shared${index}@open.example`);
  const [one, two] = [createBatch(), createBatch()];
  const created = await Promise.all([
    ...emails.map((email) => one.submit(rowOf(email))),
    ...emails.toReversed().map((email) => two.submit(rowOf(email))),
  ]);
  expect(created.filter(Boolean)).toHaveLength(100);
  const [{ deadlocks }] = (await query<{ deadlocks: number }>(
    'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
  )) as [{ deadlocks: number }];
  expect(deadlocks).toBe(0);
});
