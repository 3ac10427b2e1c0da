import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Db, openDatabase, statement } from '../../src/db/database.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const LOCK = statement('test.lock', 'SELECT pg_advisory_xact_lock(42)');
const READ = statement('test.read', 'SELECT 1');

let database: TestDatabase;
let db: Db;

beforeAll(async () => {
  database = await createTestDatabase();
  db = openDatabase({
    connectionString: database.connectionString,
    poolSize: 4,
    applicationName: 'test',
    log: createLogger({ level: 'silent' }),
  });
});
afterAll(async () => {
  await db.close();
  await database.drop();
});

test('30 transactions that wait for one lock never keep its holder from a read of its own', async () => {
  const work = () =>
    db.transaction(async (tx) => {
      await tx.execute(LOCK);
      await db.query(READ);
      return 'done';
    });
  const outcomes = await Promise.all(Array.from({ length: 30 }, work));
  expect(outcomes).toEqual(Array(30).fill('done'));
});
