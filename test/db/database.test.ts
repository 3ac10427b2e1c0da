import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type Db, openDatabase } from '../../src/db/database.ts';
import { isConnectionError } from '../../src/db/errors.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startPostgresProxy } from '../support/postgres-proxy.ts';

let database: TestDatabase;
let unreachable: number;

beforeEach(async () => {
  database = await createTestDatabase();
  unreachable = 0;
});
afterEach(() => database.drop());

/** Open until the test is over. */
function open(connectionString: string, changes: { statementTimeoutMs?: number } = {}): Db {
  const db = openToClose(connectionString, changes);
  onTestFinished(() => db.close());
  return db;
}

function openToClose(connectionString: string, changes: { statementTimeoutMs?: number } = {}): Db {
  return openDatabase({
    connectionString,
    poolSize: 3,
    applicationName: 'test',
    log: createLogger({ level: 'silent' }),
    onUnreachable() {
      unreachable += 1;
    },
    ...changes,
  });
}

const sql = (text: string) => ({ name: '', text });

test('a session that ends amid a transaction fails that transaction and nothing else', async () => {
  const db = open(database.connectionString);
  const failing = db.transaction(async (tx) => {
    const [row] = await tx.query<{ pid: number }>(sql('SELECT pg_backend_pid() AS pid'));
    await db.query(sql('SELECT pg_terminate_backend($1)'), [row!.pid]);
    await eventually('it is gone', async () => {
      const left = await db.query(sql('SELECT 1 FROM pg_stat_activity WHERE pid = $1'), [row!.pid]);
      return left.length === 0;
    });
    return tx.query(sql('SELECT 1'));
  });
  const error = await failing.catch((thrown: unknown) => thrown);
  expect(isConnectionError(error)).toBe(true);
  expect(unreachable).toBeGreaterThan(0);
  expect(await db.transaction((tx) => tx.query(sql('SELECT 2 AS two')))).toEqual([{ two: 2 }]);
});

test('a throw rolls back', async () => {
  const db = open(database.connectionString);
  await expect(
    db.transaction(async (tx) => {
      await tx.execute(sql(`CREATE TABLE half (id int)`));
      throw new Error('changed my mind');
    }),
  ).rejects.toThrow('changed my mind');
  expect(await db.query(sql(`SELECT to_regclass('half') AS half`))).toEqual([{ half: null }]);
});

test('a server that hangs, connections and all, is given up', async () => {
  const proxy = await startPostgresProxy(database.connectionString);
  onTestFinished(proxy.close);
  const db = open(proxy.connectionString, { statementTimeoutMs: 100 });
  await db.query(sql('SELECT 1'));
  proxy.freeze();
  const error = await db.query(sql('SELECT 1')).catch((thrown: unknown) => thrown);
  expect(isConnectionError(error)).toBe(true);
  proxy.thaw();
  expect(await db.query(sql('SELECT 3 AS three'))).toEqual([{ three: 3 }]);
});

test('whoever asks after the close is refused, and no server is started for it', async () => {
  const db = openToClose(database.connectionString);
  await db.close();
  const error = await db.query(sql('SELECT 1')).catch((thrown: unknown) => thrown);
  expect(isConnectionError(error)).toBe(true);
  expect(unreachable).toBe(0);
});

test("a server that stops while we close is nobody's loss: it is not started again", async () => {
  const proxy = await startPostgresProxy(database.connectionString);
  onTestFinished(proxy.close);
  const db = openToClose(proxy.connectionString);
  const [row] = await db.query<{ pid: number }>(sql('SELECT pg_backend_pid() AS pid'));
  proxy.freeze();
  process.kill(row!.pid, 'SIGTERM');
  await eventually('it is gone', () => !existsSync(`/proc/${row!.pid}`));
  await db.close();
  proxy.thaw();
  await setTimeout(20);
  expect(unreachable).toBe(0);
});
