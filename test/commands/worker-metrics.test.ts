import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';
import { createInstallation, type Installation } from '../support/process.ts';

const DEADLINE_MS = 120_000;
const PATIENCE_MS = 30_000;
const USERS = 5;

const installations: Installation[] = [];
afterEach(async () => {
  for (const installation of installations.splice(0)) await installation.remove();
});

async function install(env: Record<string, string>): Promise<Installation> {
  const installation = await createInstallation(env);
  installations.push(installation);
  return installation;
}

/** Registers accounts whose passwords are hardened later, each with a mail. */
async function registerAll(url: string): Promise<void> {
  for (let n = 0; n < USERS; n += 1) {
    const { status } = await fetch(`${url}/v1/register`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ email: `user${n}@example.com`, password: 'correct horse battery' }),
    });
    expect(status).toBe(202);
  }
}

async function scrape(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

async function expectWork(url: string): Promise<void> {
  await eventually(
    'the worker has done its work',
    async () => {
      const values = await scrape(url);
      return (
        values.get('authctl_worker_hashes_hardened_total') === USERS &&
        values.get('authctl_worker_mails_sent_total') === USERS &&
        values.get('authctl_worker_events_published_total') === USERS
      );
    },
    PATIENCE_MS,
  );
  const values = await scrape(url);
  expect(values.get('authctl_worker_hash_batch_seconds_count')).toBeGreaterThan(0);
  for (const name of ['hashes_failed', 'hashes_parked', 'mails_dead', 'events_failed'])
    expect(values.get(`authctl_worker_${name}_total`), name).toBe(0);
  const now = Date.now() / 1_000;
  for (const loop of ['hardening', 'mail', 'events', 'sweeper']) {
    const last = values.get(`authctl_worker_${loop}_last_success_timestamp_seconds`);
    expect(last, loop).toBeGreaterThan(now - 60);
    expect(last, loop).toBeLessThanOrEqual(now + 1);
  }
}

const WORK = {
  AUTHCTL_HASH_MODE: 'deferred',
  AUTHCTL_EVENTS_STDOUT: 'on',
  AUTHCTL_SWEEPER_INTERVAL: '500ms',
};

test(
  'the page of serve has its worker, apart from the API processes, and goes on when that is killed',
  async () => {
    const installation = await install(WORK);
    const api = await installation.serve();
    await registerAll(api.url);
    await expectWork(api.managementUrl);

    const swept = (await scrape(api.managementUrl)).get('authctl_worker_rows_swept_total')!;
    await installation.sql(
      `INSERT INTO limit_counters (key, hits, window_ends_at, expires_at)
       SELECT 'old' || n, 1, now(), now() - interval '1 h' FROM generate_series(1, 7) AS n`,
    );
    await eventually(
      'they are swept',
      async () =>
        (await scrape(api.managementUrl)).get('authctl_worker_rows_swept_total') === swept + 7,
      PATIENCE_MS,
    );
    const [worker] = await installation.sql<{ pid: number }>(
      `SELECT pid FROM nodes WHERE kind = 'worker'`,
    );
    process.kill(worker!.pid, 'SIGKILL');
    const page = await scrape(api.managementUrl);
    expect(page.get('authctl_http_requests_total{route="POST /v1/register",status="202"}')).toBe(
      USERS,
    );
    await eventually(
      'the next worker is on the page',
      async () =>
        (await scrape(api.managementUrl)).get('authctl_worker_hashes_hardened_total') === 0,
      PATIENCE_MS,
    );
    expect(await api.end('SIGTERM')).toBe(0);
  },
  DEADLINE_MS,
);

test(
  'workers alone: quiet unless asked; then health and metrics; two do not fight for a port',
  async () => {
    const placeholder = createServer();
    const free = await listenOnFreePort(placeholder);
    await new Promise((resolve) => placeholder.close(resolve));
    const installation = await install({ ...WORK, AUTHCTL_MANAGEMENT_PORT: String(free) });
    const api = await installation.serve('--no-worker', '--management-port', '0');
    const quiet = installation.start('worker');
    await eventually('it works', () => quiet.log().includes('worker started'), PATIENCE_MS);
    const url = `http://127.0.0.1:${free}`;
    await expect(fetch(url)).rejects.toThrow();
    expect(await quiet.end('SIGTERM')).toBe(0);

    const worker = installation.start('worker', '--worker-management');
    await eventually('it works', () => worker.log().includes('worker started'), PATIENCE_MS);
    for (const path of ['live', 'ready', 'started'])
      expect((await fetch(`${url}/health/${path}`)).status, path).toBe(200);
    expect((await fetch(`${url}/admin/v1/users`)).status).toBe(404);
    await registerAll(api.url);
    await expectWork(url);

    const second = installation.start('worker', '--worker-management');
    await eventually('it says why', () => second.log().includes('is in use'), PATIENCE_MS);
    expect(await worker.end('SIGTERM')).toBe(0);
    expect(await api.end('SIGTERM')).toBe(0);
  },
  DEADLINE_MS,
);

test(
  'serve with two API processes and a worker on one log file: it rotates, and each line is whole',
  async () => {
    const installation = await install({ AUTHCTL_LOG_LEVEL: 'debug' });
    const file = join(installation.dataDir, 'logs', 'authctl.log');
    const flags = ['--workers', '2', '--log-file', file, '--log-max-size', '16KB'];
    const api = await installation.serve(...flags);
    const ids = Array.from({ length: 300 }, (_, n) => `rotated-${n}`);
    for (const id of ids)
      await fetch(`${api.url}/v1/keys`, { headers: { 'X-Request-Id': id, Connection: 'close' } });
    expect(await api.end('SIGTERM')).toBe(0);

    const folder = join(installation.dataDir, 'logs');
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(2);
    const lines = files
      .map((name) => readFileSync(join(folder, name)))
      .map((bytes) => (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString())
      .flatMap((text) => text.trimEnd().split('\n'))
      .map((line) => JSON.parse(line) as { request_id?: string });
    const seen = lines.flatMap(({ request_id }) =>
      request_id?.startsWith('rotated-') ? [request_id] : [],
    );
    expect(seen.length).toBe(new Set(seen).size);
    // Ten files of 16 KB are kept; the last requests are in them.
    expect(seen).toContain(ids.at(-1));
  },
  DEADLINE_MS,
);
