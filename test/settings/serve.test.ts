import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { archivePath } from '../../src/lib/log-archives.ts';
import { runAuthctl } from '../cli/support/run-program.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { createInstallation, type Installation, type Serving } from '../support/process.ts';

const DAY_MS = 86_400_000;
const PATIENCE_MS = 30_000;
const PASSWORD = 'correct horse battery staple';

let logFolder: string;
let database: TestDatabase;
let sql: Client;
let installation: Installation;
let serving: Serving;

/** The name of a log that was set aside so many days ago. */
function oldLog(days: number): string {
  return `${archivePath('authctl.log', new Date(Date.now() - days * DAY_MS))}.gz`;
}
const oldLogs = [50, 60, 70].map(oldLog);

beforeAll(async () => {
  logFolder = await mkdtemp('/tmp/authctl-settings-');
  for (const name of oldLogs) await writeFile(join(logFolder, name), gzipSync(''));
  database = await createTestDatabase();
  sql = new Client({ connectionString: database.connectionString });
  await sql.connect();
  installation = await createInstallation({
    AUTHCTL_DATABASE_URL: database.connectionString.replace('@/', '@localhost/'),
    AUTHCTL_HOST: '127.0.0.2',
    AUTHCTL_MANAGEMENT_HOST: '127.0.0.3',
    AUTHCTL_DOMAINS: 'settings.example',
    // More than by default: fewer could also be a crowd that is late.
    AUTHCTL_DATABASE_POOL: '12',
    AUTHCTL_DATABASE_WORKER_POOL: '6',
    AUTHCTL_EVENTS_STDOUT: 'on',
    AUTHCTL_WORKER_MEMORY_MIB: '123',
    AUTHCTL_SHUTDOWN_DEADLINE: '4s',
    AUTHCTL_LOG_FILE: join(logFolder, 'authctl.log'),
    AUTHCTL_LOG_MAX_SIZE: '64KB',
    AUTHCTL_LOG_MAX_FILES: '2',
    AUTHCTL_LOG_MAX_AGE: '100d',
    AUTHCTL_LOG_SAMPLE: '1',
  });
  serving = await installation.serve();
  await eventually('its worker works', () => logged().includes('worker started'), PATIENCE_MS);
});
afterAll(async () => {
  await installation.remove();
  await sql.end();
  await database.drop();
  await rm(logFolder, { recursive: true });
});

/** What is in the log, and in those set aside since the start. */
function logged(): string {
  const names = readdirSync(logFolder).filter((name) => !name.endsWith('.gz'));
  return names.map((name) => readFileSync(join(logFolder, name), 'utf8')).join('');
}

function post(path: string, body: object): Promise<Response> {
  return fetch(serving.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}

test('host, management.host: it listens there, and nowhere else', async () => {
  for (const [url, host, path] of [
    [serving.url, '127.0.0.2', '/v1/keys'],
    [serving.managementUrl, '127.0.0.3', '/health/live'],
  ] as const) {
    expect(new URL(url).hostname).toBe(host);
    expect((await fetch(url + path)).status).toBe(200);
    await expect(fetch(url.replace(host, '127.0.0.1') + path)).rejects.toThrow();
  }
});

test('domains: those configured may register', async () => {
  const statusOf = async (email: string) =>
    (await post('/v1/register', { email, password: PASSWORD })).status;
  expect(await statusOf('ada@settings.example')).toBe(202);
  expect(await statusOf('ada@example.com')).toBe(403);
});

/** Locks tables until so many connections wait for them, and the work is done. */
async function holdUp(
  tables: string,
  name: string,
  connections: number,
  work: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  await sql.query(`BEGIN; LOCK TABLE ${tables}`);
  const working = work();
  try {
    await eventually(`${connections} of ${name} wait`, async () => {
      // Within a transaction it would be what it was when first asked.
      await sql.query('SELECT pg_stat_clear_snapshot()');
      const { rowCount } = await sql.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database()
         AND application_name = $1 AND wait_event_type = 'Lock'`,
        [name],
      );
      return rowCount === connections;
    });
  } finally {
    await sql.query('ROLLBACK');
    await working;
  }
}

test('database.pool, database.worker_pool: so many connections at once', async () => {
  const forgot = () => post('/v1/password/forgot', { email: 'ada@settings.example' });
  const crowd = () => Promise.all(Array.from({ length: 20 }, forgot));
  await holdUp('users', 'authctl api', 12, crowd);
  // Four lanes of events, two of passwords, mails.
  await holdUp('events, credentials, mails', 'authctl worker', 6);
});

test.runIf(process.platform === 'linux')('worker.memory_mib: the heap of the worker', () => {
  const commands = installation
    .processes()
    .map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'));
  const worker = commands.find((words) => words.includes('worker'));
  expect(worker).toContain('--max-old-space-size=123');
});

test('log.max_files, log.max_age, log.sample, log.max_size: what is kept, what is logged, and how much in a file', async () => {
  const [newest, newer, oldest] = oldLogs;
  await eventually('one too many is gone', () => !readdirSync(logFolder).includes(oldest!));
  const seen: string[] = [];
  const isSetAside = () => readdirSync(logFolder).some((name) => /log\.\d+T\d+Z$/.test(name));
  while (!isSetAside() && seen.length < 1_000) {
    const id = `settings-${seen.length}`;
    await fetch(`${serving.url}/v1/keys`, { headers: { 'X-Request-Id': id } });
    seen.push(id);
  }
  expect(isSetAside()).toBe(true);
  await eventually('every request is logged', () => {
    const lines = logged();
    return seen.every((id) => lines.includes(`"${id}"`));
  });
  expect(readdirSync(logFolder)).toEqual(expect.arrayContaining([newest, newer]));
});

test('insecure: production takes a public URL without TLS only when told', async () => {
  const check = async (env: Record<string, string>) => {
    const url = 'http://settings.example';
    const given = { AUTHCTL_ENV: 'production', AUTHCTL_PUBLIC_URL: url, ...env };
    return (await runAuthctl(['config', 'check'], { env: given })).stderr;
  };
  expect(await check({})).toContain('AUTHCTL_PUBLIC_URL');
  expect(await check({ AUTHCTL_INSECURE: 'on' })).not.toContain('AUTHCTL_PUBLIC_URL');
});

test('shutdown.deadline: a request that never ends is cut, and the stop is a normal one', async () => {
  const { hostname, port } = new URL(serving.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write('POST /v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{');
  await once(socket, 'connect');
  await post('/v1/login', {});
  const startedAt = performance.now();
  expect(await serving.end('SIGTERM')).toBe(0);
  // By default it waits for twenty, and a whole request may take fifteen.
  expect(performance.now() - startedAt).toBeLessThan(10_000);
});
