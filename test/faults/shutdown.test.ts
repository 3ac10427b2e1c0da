import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFailed, onTestFinished, test } from 'vitest';
import { lockExclusive } from '../../src/db/embedded/file-lock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { query } from '../db/embedded/members.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startPostgresProxy } from '../support/postgres-proxy.ts';
import { createInstallation, type Installation } from '../support/process.ts';
import { startRegistrations } from '../support/registration-load.ts';
import { expectAllKept, expectLogins, randomMoment } from './journal.ts';

let installation: Installation;

beforeEach(async () => {
  installation = await createInstallation({ AUTHCTL_LOG_LEVEL: 'error' });
});
afterEach(() => installation.remove());

const DEADLINE_MS = 120_000;

for (const [signal, ...flags] of [['SIGTERM'], ['SIGINT', '--workers', '2']] as const)
  test(
    `${signal} under load (serve ${flags.join(' ')}): every request has its answer, and the exit code is 0`,
    async () => {
      const api = await installation.serve(...flags);
      const load = startRegistrations(api.url, { name: 'stop', domain: 'example.com' });
      await eventually('it is at work', () => load.acknowledged().length > 200, 30_000);
      await randomMoment(40);
      expect({ code: await api.end(signal), log: api.log() }).toEqual({ code: 0, log: '' });
      await load.over;

      expect(load.journal.filter(({ status }) => status !== 202)).toEqual([]);
      const again = await installation.serve('--no-worker');
      await expectAllKept(installation, load.acknowledged());
      const rows = await installation.sql('SELECT count(*)::int AS users FROM users');
      expect(rows).toEqual([{ users: load.journal.length }]);
      await expectLogins(again.url, load.acknowledged(), 4);
      expect(await again.end('SIGTERM')).toBe(0);
    },
    DEADLINE_MS,
  );

test('a database that is out of reach holds up no stop', async () => {
  const { apart, database, proxy } = await startApart({
    AUTHCTL_DATABASE_STATEMENT_TIMEOUT: '500ms',
    // More than it needs on a busy machine; what waits for the server's goodbye waits for ever.
    AUTHCTL_SHUTDOWN_DEADLINE: '30s',
  });
  const worker = apart.start('worker');
  await eventually('it waits for work', async () => {
    const listening = await query(
      database.connectionString,
      `SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND state = 'idle'
       AND datname = current_database()`,
    );
    return listening.length === 2;
  });
  proxy.freeze();
  expect(await worker.end('SIGTERM')).toBe(0);
}, 40_000);

test('SIGTERM as the database falls silent: every request has its answer, and no time-outs add up', async () => {
  const { apart, database, proxy } = await startApart({
    // All time-outs as they are; one after the other they need 20 s and more.
    AUTHCTL_SHUTDOWN_DEADLINE: '15s',
  });
  const api = await apart.serve('--workers', '2');
  const load = startRegistrations(api.url, { name: 'silent', domain: 'example.com' });
  await eventually('it is at work', () => load.acknowledged().length > 200, 30_000);
  proxy.freeze();
  await randomMoment(2_000);
  expect(await api.end('SIGTERM')).toBe(0);
  await load.over;

  const others = load.journal.filter(({ status }) => status !== 202);
  expect(others).not.toEqual([]);
  expect(others.filter(({ status, code }) => status !== 503 || code === 'internal')).toEqual([]);
  const rows = await query<{ email: string }>(
    database.connectionString,
    'SELECT email FROM users AS u JOIN credentials AS c ON c.user_id = u.id',
  );
  const stored = new Set(rows.map(({ email }) => email));
  expect(load.acknowledged().filter((email) => !stored.has(email))).toEqual([]);
}, 60_000);

test.runIf(process.platform === 'linux')(
  'a worker that hangs: the API stops accepting at once all the same, and leaves nobody behind',
  async () => {
    const hanging = await createInstallation({
      AUTHCTL_LOG_LEVEL: 'silent',
      AUTHCTL_SHUTDOWN_DEADLINE: '10s',
    });
    onTestFinished(hanging.remove);
    const api = await hanging.serve();
    const worker = hanging.processes().find((pid) => commandOf(pid).includes('worker'))!;
    process.kill(worker, 'SIGSTOP');
    // It would hold the pipes of its parent open.
    onTestFailed(() => void process.kill(worker, 'SIGKILL'));
    const ended = api.end('SIGTERM');
    const isRefused = () =>
      fetch(api.url).then(
        () => false,
        () => true,
      );
    await eventually('it accepts nothing', isRefused, 5_000);
    expect(hanging.processes()).toContain(api.pid);
    expect(await ended).toBe(0);
    expect(hanging.processes()).toEqual([]);
  },
  40_000,
);

test.runIf(process.platform === 'linux')(
  'SIGTERM while a start waits for whoever starts or stops the same PostgreSQL: it ends in its time',
  async () => {
    const waiting = await createInstallation({
      AUTHCTL_LOG_LEVEL: 'silent',
      AUTHCTL_SHUTDOWN_DEADLINE: '3s',
    });
    onTestFinished(waiting.remove);
    const runDir = join(waiting.dataDir, 'run');
    await mkdir(runDir, { mode: 0o700 });
    const lock = await lockExclusive(join(runDir, 'start.lock'), 0, systemClock);
    onTestFinished(lock.release);
    const worker = waiting.start('worker');
    // With the others it asks for; Node itself has handlers for those.
    await eventually('it listens', () => catches(worker.pid, constants.signals.SIGHUP), 20_000);
    expect(await worker.end('SIGTERM')).toBe(130);
  },
  40_000,
);

/** Whether a process has a handler for a signal. */
function catches(pid: number, signal: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mask = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)/m.exec(status)![1]}`);
  return ((mask >> BigInt(signal - 1)) & 1n) === 1n;
}

/** An installation on an external database, at the end of a line that can fail. */
async function startApart(env: Record<string, string>) {
  const database = await createTestDatabase();
  onTestFinished(database.drop);
  const proxy = await startPostgresProxy(database.connectionString);
  onTestFinished(proxy.close);
  const apart = await createInstallation({
    AUTHCTL_DATABASE_URL: proxy.connectionString,
    AUTHCTL_LOG_LEVEL: 'silent',
    ...env,
  });
  onTestFinished(apart.remove);
  return { apart, database, proxy };
}

function commandOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
}
