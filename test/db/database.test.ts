import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Db, type DbOptions, openDatabase } from '../../src/db/database.ts';
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

type Changes = Partial<Pick<DbOptions, 'statementTimeoutMs' | 'ending' | 'poolSize' | 'log'>>;

/** Open until the test is over. */
function open(connectionString: string, changes: Changes = {}): Db {
  const db = openToClose(connectionString, changes);
  onTestFinished(() => db.close());
  return db;
}

function openToClose(connectionString: string, changes: Changes = {}): Db {
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

test('a transaction of which the server answers nothing is given up with its statement, not later', async () => {
  const proxy = await startPostgresProxy(database.connectionString);
  onTestFinished(proxy.close);
  const db = open(proxy.connectionString, { statementTimeoutMs: 100 });
  await Promise.all([db.query(sql('SELECT 1')), db.query(sql('SELECT 1'))]);
  proxy.hold('answers');
  let isGivenUp = false;
  const transaction = db
    .transaction((tx) => tx.query(sql('SELECT 1')))
    .catch((thrown: unknown) => {
      isGivenUp = true;
      return thrown;
    });
  await db.query(sql('SELECT 1')).catch(() => undefined);
  // Its ROLLBACK would wait two seconds more.
  await eventually('it is given up', () => isGivenUp, 1_000);
  expect(isConnectionError(await transaction)).toBe(true);
  expect(db.stats()).toMatchObject({ total: 0, waiting: 0 });
  proxy.thaw();
});

test('a process that ends gives up a server that is silent, for all who wait and who come', async () => {
  const proxy = await startPostgresProxy(database.connectionString);
  onTestFinished(proxy.close);
  const db = open(proxy.connectionString, { ending: AbortSignal.abort(), poolSize: 1 });
  await db.query(sql('SELECT 1'));
  proxy.freeze();
  const asked = [
    db.query(sql('SELECT 1')),
    db.query(sql('SELECT 2')),
    db.transaction((tx) => tx.query(sql('SELECT 3'))),
  ];
  const told = await Promise.allSettled(asked);
  told.push(...(await Promise.allSettled([db.query(sql('SELECT 4'))])));
  for (const outcome of told) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ETIMEDOUT' } });
    expect(isConnectionError((outcome as PromiseRejectedResult).reason)).toBe(true);
  }
  // Nobody starts a server for a process that ends.
  expect(unreachable).toBe(0);
});

test('a process that ends waits for a server that answers others meanwhile, and forgets one that it has left', async () => {
  const log = createLogger({ level: 'silent' });
  const warn = vi.spyOn(log, 'warn');
  const left = openToClose(database.connectionString, { ending: AbortSignal.abort(), log });
  await left.query(sql('SELECT 1'));
  await left.close();
  const db = open(database.connectionString, { ending: AbortSignal.abort() });
  const asking = setInterval(() => db.query(sql('SELECT 1')).catch(() => undefined), 500);
  onTestFinished(() => clearInterval(asking));
  expect(await db.query(sql(`SELECT 'late' AS answer FROM pg_sleep(4)`))).toEqual([
    { answer: 'late' },
  ]);
  expect(warn).not.toHaveBeenCalled();
});

test('a silent connection is asked for a sign of life by both sides within seconds', async () => {
  const proxy = await startPostgresProxy(database.connectionString);
  onTestFinished(proxy.close);
  const db = open(proxy.connectionString);
  const listening = new Promise<void>((resolve) => {
    const subscription = db.listen('test', resolve);
    onTestFinished(() => subscription.close());
  });
  await Promise.all([listening, db.query(sql('SELECT 1'))]);
  const port = Number(new URL(proxy.connectionString).port);
  const timers = keepAliveTimers(port);
  expect(timers).toHaveLength(2);
  for (const seconds of timers) expect(seconds).toBeLessThanOrEqual(10);
  // On a Unix socket the server does without; what it would use is kept all the same.
  const asked = await db.query(
    sql(`SELECT name, reset_val FROM pg_settings WHERE name LIKE 'tcp\\_%' ORDER BY name`),
  );
  expect(asked).toEqual([
    { name: 'tcp_keepalives_count', reset_val: '4' },
    { name: 'tcp_keepalives_idle', reset_val: '10' },
    { name: 'tcp_keepalives_interval', reset_val: '5' },
    { name: 'tcp_user_timeout', reset_val: '30000' },
  ]);
});

test('no statement, lock or open transaction of ours outlasts its limit on the server', async () => {
  const db = open(database.connectionString, { statementTimeoutMs: 7_000 });
  const limits = await db.query(
    sql(`SELECT name, reset_val FROM pg_settings WHERE name IN
      ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') ORDER BY name`),
  );
  expect(limits).toEqual([
    { name: 'idle_in_transaction_session_timeout', reset_val: '15000' },
    { name: 'lock_timeout', reset_val: '5000' },
    { name: 'statement_timeout', reset_val: '7000' },
  ]);
});

test('a server that is out of reach holds up no close', async () => {
  const proxy = await startPostgresProxy(database.connectionString);
  onTestFinished(proxy.close);
  const db = openToClose(proxy.connectionString);
  let isListening = false;
  const subscription = db.listen('test', () => {
    isListening = true;
  });
  await db.query(sql('SELECT 1'));
  await eventually('it listens', () => isListening);
  proxy.freeze();
  await subscription.close();
  await db.close();
});

/** Seconds until the kernel asks, for each connection to a port of this machine; `Infinity` where it will not. */
function keepAliveTimers(port: number): number[] {
  const KEEP_ALIVE = '02';
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2] === remote && fields[3] === ESTABLISHED)
    .map((fields) => (fields[5] ?? '').split(':'))
    .map(([timer, ticks = '']) =>
      timer === KEEP_ALIVE ? Number.parseInt(ticks, 16) / TICKS_A_SECOND : Infinity,
    );
}

const ESTABLISHED = '01';
const TICKS_A_SECOND = 100;

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
