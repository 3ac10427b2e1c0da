import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Db, openDatabase } from '../../src/db/database.ts';
import {
  isConnectionError,
  isPassing,
  isUniqueViolation,
  toAppError,
} from '../../src/db/errors.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let db: Db;

function open(connectionString: string): Db {
  const log = createLogger({ level: 'silent' });
  const limits = { poolSize: 2, statementTimeoutMs: 1_000 };
  return openDatabase({ connectionString, log, applicationName: 'test', ...limits });
}

beforeAll(async () => {
  database = await createTestDatabase();
  db = open(database.connectionString);
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

const SLEEP = 'SELECT pg_sleep(20)';
const TERMINATE = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE query = '${SLEEP}' AND state = 'active'`;

/** Both ways to the database: what goes wrong is called the same on each. */
const WAYS = {
  pg: (on: Db, sql: string) => on.query({ name: '', text: sql }),
  prisma: async (on: Db, sql: string) => (await on.prisma()).$queryRawUnsafe(sql),
};

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
}

describe.each(Object.entries(WAYS))('through %s', (_, run) => {
  test('a server that is not there is unavailable', async () => {
    const nowhere = open('postgres://nobody@127.0.0.1:1/nothing');
    const error = await errorOf(run(nowhere, 'SELECT 1'));
    await nowhere.close();
    expect(isConnectionError(error)).toBe(true);
    expect(toAppError(error)).toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
  });

  test('so is one that ends the connection, and one that is too slow', async () => {
    const ended = errorOf(run(db, SLEEP));
    await eventually('it is ended', async () => (await WAYS.pg(db, TERMINATE)).length > 0);
    expect(isConnectionError(await ended)).toBe(true);
    const slow = await errorOf(run(db, SLEEP));
    expect(isConnectionError(slow)).toBe(false);
    expect(toAppError(slow)?.code).toBe('unavailable');
  });

  test('a statement that is wrong is a bug of ours', async () => {
    expect(toAppError(await errorOf(run(db, 'SELECT nonsense')))).toBeNull();
  });

  test('a reference to what has just been deleted asks for another try', async () => {
    const insert = `INSERT INTO known_networks (user_id, network, last_login_at)
      VALUES (gen_random_uuid(), '192.0.2.0/24', now())`;
    expect(toAppError(await errorOf(run(db, insert)))?.code).toBe('unavailable');
  });

  test('a unique violation is recognised', async () => {
    const insert = `INSERT INTO domains (name, challenge) VALUES ('twice.example', 'x')`;
    await WAYS.pg(db, `${insert} ON CONFLICT DO NOTHING`);
    expect(isUniqueViolation(await errorOf(run(db, insert)))).toBe(true);
  });
});

test('a server that takes no writes is as one that is not there', async () => {
  const write = db.transaction(async (tx) => {
    await tx.execute({ name: '', text: 'SET TRANSACTION READ ONLY' });
    await tx.execute({
      name: '',
      text: `INSERT INTO domains (name, challenge) VALUES ('x.example', 'x')`,
    });
  });
  const error = await errorOf(write);
  expect(isConnectionError(error)).toBe(true);
  expect(toAppError(error)?.code).toBe('unavailable');
});

test.each([
  ['a dead-lock', '40P01'],
  ['a conflict with another transaction', '40001'],
])('%s asks for another try', async (_, state) => {
  const error = await errorOf(
    WAYS.pg(db, `DO $$ BEGIN RAISE EXCEPTION 'undone' USING ERRCODE = '${state}'; END $$`),
  );
  expect(isConnectionError(error)).toBe(false);
  expect(isPassing(error)).toBe(true);
  expect(toAppError(error)?.code).toBe('unavailable');
});
