import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { socketFolderOf } from '../../src/db/embedded/socket-folder.ts';
import { packageRoot } from '../../src/lib/package-root.ts';
import { runAuthctl } from '../cli/support/run-program.ts';
import { cleanUp, isOpenToNobody, makeFolder, NOBODY, serversIn } from '../db/embedded/members.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { startPostgresProxy } from '../support/postgres-proxy.ts';
import { canMakeDisk, createInstallation, type Installation } from '../support/process.ts';

const DEADLINE_MS = 120_000;
const PATIENCE_MS = 30_000;
const PASSWORD = 'correct horse battery staple';

/** A Node of this machine that is too old to run the program; undefined where there is none. */
const oldNode = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return Number.parseInt(stdout?.slice(1) ?? '', 10) < 24;
});

const installations: Installation[] = [];
afterEach(async () => {
  for (const installation of installations.splice(0)) await installation.remove();
  await cleanUp();
});

async function install(...given: Parameters<typeof createInstallation>): Promise<Installation> {
  const installation = await createInstallation(...given);
  installations.push(installation);
  return installation;
}

async function expectNothingLeft({ dataDir, processes }: Installation): Promise<void> {
  await eventually('all processes are gone', () => processes().length === 0, PATIENCE_MS);
  await eventually('PostgreSQL is gone', () => serversIn(dataDir).length === 0, PATIENCE_MS);
  await expect(access(socketFolderOf(dataDir))).rejects.toMatchObject({ code: 'ENOENT' });
}

async function register(url: string, email: string): Promise<number> {
  // A connection of its own, so that the kernel chooses the process anew.
  const response = await fetch(`${url}/v1/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Connection: 'close' },
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  await response.arrayBuffer();
  return response.status;
}

interface NodeRow {
  pid: number;
  kind: string;
}
const nodesOf = ({ sql }: Installation) =>
  sql<NodeRow>(`SELECT pid, kind FROM nodes WHERE seen_at > now() - interval '3 s' ORDER BY pid`);

test.runIf(existsSync('/dev/full'))(
  'output that cannot be written: a sentence, exit code 1, and no PostgreSQL left behind',
  async () => {
    const installation = await install();
    await installation.run('status');
    for (const args of [
      ['users', 'list'],
      ['status', '--json'],
      ['users', 'export'],
    ]) {
      const { PATH = '', HOME = '' } = process.env;
      const command = spawn(process.execPath, [join(packageRoot(), 'bin/run.js'), ...args], {
        env: { PATH, HOME, AUTHCTL_DATA_DIR: installation.dataDir },
        stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
      });
      const [said, [code]] = await Promise.all([text(command.stderr!), once(command, 'exit')]);
      expect(code).toBe(1);
      expect(said).toMatch(/^error: Standard output cannot be written: ENOSPC.*\nhint: .*\n$/);
      await expectNothingLeft(installation);
    }
  },
  DEADLINE_MS,
);

test(
  'any commands at once on a fresh data folder; PostgreSQL lives as long as any of them',
  async () => {
    const installation = await install();
    const worker = installation.start('worker');
    const [api, ...outputs] = await Promise.all([
      installation.serve('--no-worker'),
      installation.run('keys', 'export', '--json'),
      installation.run('domains', 'add', 'one.example', '--trust', '--json'),
      installation.run('status', '--json'),
      installation.run('keys', 'export', '--json'),
    ]);
    expect(outputs[0]).toBe(outputs[3]);
    // Nobody and nothing is there that could sign in without having been made.
    const accounts = await installation.sql(
      'SELECT (SELECT count(*) FROM users)::int AS users, (SELECT count(*) FROM operators)::int AS operators',
    );
    expect(accounts).toEqual([{ users: 0, operators: 0 }]);
    expect(await register(api.url, 'ada@one.example')).toBe(202);
    expect(await api.end('SIGTERM')).toBe(0);
    // The worker is still there, and with it the database.
    expect(serversIn(installation.dataDir).length).toBeGreaterThan(0);
    const status = JSON.parse(await installation.run('status', '--json'));
    expect(status).toMatchObject({
      users: 1,
      database: { kind: 'embedded' },
      api: { nodes: 0 },
      worker: { nodes: 1 },
    });
    expect(await worker.end('SIGTERM')).toBe(0);
    await expectNothingLeft(installation);
    expect(JSON.parse(await installation.run('status', '--json'))).toMatchObject({ users: 1 });
    await expectNothingLeft(installation);
  },
  DEADLINE_MS,
);

test(
  'serve --workers 2: both answer, metrics are one, a killed child comes back; kill -9 leaves nothing; Ctrl-C neither',
  async () => {
    const installation = await install();
    const api = await installation.serve('--workers', '2');
    await eventually(
      'two API processes and a worker',
      async () => (await nodesOf(installation)).length === 3,
      PATIENCE_MS,
    );
    const nodes = await nodesOf(installation);
    const sibling = nodes.find(({ pid, kind }) => kind === 'api' && pid !== api.pid)!;

    // With either one asleep, the other answers.
    for (const asleep of [api.pid, sibling.pid]) {
      process.kill(asleep, 'SIGSTOP');
      await eventually('the other answers', () => answers(api.url));
      process.kill(asleep, 'SIGCONT');
    }

    // Not what was asked of the sleepers: they may answer that only now.
    const requests = 30;
    for (let count = 0; count < requests; count += 1)
      await fetch(`${api.url}/openapi.json`, { headers: { Connection: 'close' } });
    expect(await countOf(api.managementUrl, 'GET /openapi.json')).toBe(requests);

    process.kill(sibling.pid, 'SIGKILL');
    await eventually(
      'it was started again',
      async () => {
        const now = (await nodesOf(installation)).filter(({ kind }) => kind === 'api');
        return now.length === 2 && now.every(({ pid }) => pid !== sibling.pid);
      },
      PATIENCE_MS,
    );

    expect(await register(api.url, 'ada@example.com')).toBe(202);
    expect(await api.end('SIGKILL')).toBe(null);
    await eventually('its children end', () => installation.processes().length === 0, PATIENCE_MS);
    const again = await installation.serve('--workers', '2');
    expect(JSON.parse(await installation.run('status', '--json'))).toMatchObject({ users: 1 });
    expect(await again.interrupt()).toBe(0);
    await expectNothingLeft(installation);
  },
  DEADLINE_MS,
);

test.runIf(isOpenToNobody)(
  'all of it as an ordinary user',
  async () => {
    const installation = await install({ HOME: '/nonexistent' }, { as: NOBODY });
    const api = await installation.serve();
    expect(await register(api.url, 'ada@example.com')).toBe(202);
    await installation.run('domains', 'add', 'two.example', '--trust');
    expect(JSON.parse(await installation.run('doctor', '--json'))).toMatchObject({ healthy: true });
    expect(await api.interrupt()).toBe(0);
    await expectNothingLeft(installation);
  },
  DEADLINE_MS,
);

test.runIf(oldNode)(
  'under an old Node the pinned one serves: signals reach it, and it ends when the old one is killed',
  async () => {
    const installation = await install({}, { node: oldNode! });
    const api = await installation.serve('--no-worker');
    expect(installation.processes()).toHaveLength(2);
    expect(await api.end('SIGTERM')).toBe(0);
    await expectNothingLeft(installation);
    const again = await installation.serve('--no-worker');
    await again.end('SIGKILL');
    await expectNothingLeft(installation);
    await expect(installation.run('domains', 'add')).rejects.toThrow('ended with 2');
  },
  DEADLINE_MS,
);

test.runIf(process.platform === 'linux')(
  'hashing stands back for requests, and the worker behind both',
  async () => {
    const installation = await install({ AUTHCTL_HASH_NICE: '4', AUTHCTL_WORKER_NICE: '9' });
    const api = await installation.serve();
    await eventually('the worker works', () => api.log().includes('worker started'), PATIENCE_MS);
    const before = getPriority();
    const levels = installation.processes().map((pid) => ({
      process: getPriority(pid) - before,
      pool: new Set(poolThreadsOf(pid).map((thread) => getPriority(thread) - before)),
    }));
    expect(levels).toContainEqual({ process: 0, pool: new Set([4]) });
    expect(levels).toContainEqual({ process: 9, pool: new Set([9]) });
    expect(await api.interrupt()).toBe(0);
  },
  DEADLINE_MS,
);

test.runIf(process.platform === 'linux')(
  'name look-ups that hang, for which libuv gives up half of its threads, leave one to each hash',
  async () => {
    const slots = 8;
    const installation = await install({ AUTHCTL_HASH_SLOTS: String(slots) });
    const api = await installation.serve();
    await eventually('the worker works', () => api.log().includes('worker started'), PATIENCE_MS);
    const pools = installation.processes().map((pid) => poolThreadsOf(pid).length);
    expect(pools).toHaveLength(2);
    for (const threads of pools)
      expect(threads - Math.ceil(threads / 2)).toBeGreaterThanOrEqual(slots);
    expect(await api.interrupt()).toBe(0);
  },
  DEADLINE_MS,
);

test.runIf(process.platform === 'linux')(
  'a worker has a bounded heap, beside an API and alone, unless somebody has chosen another',
  async () => {
    const installation = await install({ AUTHCTL_WORKER_MEMORY_MIB: '111' });
    const api = await installation.serve();
    await eventually('its worker works', () => api.log().includes('worker started'), PATIENCE_MS);
    const child = installation.processes().find((pid) => pid !== api.pid)!;
    expect(argumentsOf(child)).toContain('--max-old-space-size=111');
    expect(argumentsOf(api.pid).join()).not.toContain('max-old-space-size');

    const alone = installation.start('worker');
    await eventually('it works', () => alone.log().includes('worker started'), PATIENCE_MS);
    expect(argumentsOf(alone.pid)).toContain('--max-old-space-size=111');
    expect(await alone.end('SIGTERM')).toBe(0);
    expect(await api.interrupt()).toBe(0);

    const chosen = await install({ NODE_OPTIONS: '--max-old-space-size=300' });
    const other = chosen.start('worker');
    await eventually('it works', () => other.log().includes('worker started'), PATIENCE_MS);
    expect(argumentsOf(other.pid).join()).not.toContain('max-old-space-size');
    expect(await other.end('SIGTERM')).toBe(0);
  },
  DEADLINE_MS,
);

const argumentsOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');

function poolThreadsOf(pid: number): number[] {
  const folder = `/proc/${pid}/task`;
  return readdirSync(folder)
    .filter((thread) => readFileSync(`${folder}/${thread}/comm`, 'utf8').trim() === 'libuv-worker')
    .map(Number);
}

test(
  'a worker under nice stays as nice as it was made, where only root may undo that',
  async () => {
    const wrapper = join(await makeFolder(), 'nice-node');
    const script = `#!/bin/sh\nexec nice -n 19 ${process.execPath} "$@"\n`;
    await writeFile(wrapper, script, { mode: 0o755 });
    const installation = await install({}, { node: wrapper });
    const api = await installation.serve();
    await eventually('it works', () => api.log().includes('worker started'), PATIENCE_MS);
    expect(new Set(installation.processes().map((pid) => getPriority(pid)))).toEqual(new Set([19]));
    expect(await api.interrupt()).toBe(0);
  },
  DEADLINE_MS,
);

describe('what cannot start', () => {
  test.runIf(canMakeDisk)(
    'a first start without room says so, and one with room starts',
    async () => {
      const { dataDir, run } = await install({}, { disk: '16m' });
      const failed = await run('status').catch((error: Error) => error.message);
      expect(failed).toContain(`error: There is no room for a database in ${dataDir}.`);
      expect(failed).not.toContain('should not have happened');
      spawnSync('mount', ['-o', 'remount,size=200m', dataDir]);
      await run('status');
    },
  );

  test.runIf(isOpenToNobody)('a folder of somebody else’s is not called a new one', async () => {
    const dataDir = join(await makeFolder(), 'data');
    const { PATH = '' } = process.env;
    const ended = spawnSync(process.execPath, [join(packageRoot(), 'bin/run.js'), 'status'], {
      ...NOBODY,
      env: { PATH, HOME: '/', AUTHCTL_DATA_DIR: dataDir },
      encoding: 'utf8',
    });
    expect(ended.status).toBe(2);
    expect(ended.stderr).toMatch(`error: The folder ${dataDir} cannot be used (EACCES).\nhint: `);
    expect(ended.stderr).not.toContain('a new one is made');
  });

  test('a port in use: exit code 2, what to do, and nothing left running', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const database = await createTestDatabase();
    const installation = await install({
      AUTHCTL_DATABASE_URL: database.connectionString.replace('@/', '@localhost/'),
    });
    for (const flag of ['--port', '--management-port']) {
      const failed = await installation.serve(flag, String(port)).catch((error: Error) => error);
      expect(String(failed)).toContain('serve ended with 2');
      expect(String(failed)).toContain(`error: 127.0.0.1:${port} is in use.`);
      expect(String(failed)).toContain('hint: stop what listens there');
    }
    await expectNothingLeft(installation);
    taken.close();
    await database.drop();
  });

  test('a database that is not there yet is waited for, and then used', async () => {
    const database = await createTestDatabase();
    const proxy = await startPostgresProxy(database.connectionString);
    await proxy.down();
    const installation = await install({
      AUTHCTL_DATABASE_URL: proxy.connectionString.replace('@/', '@localhost/'),
      AUTHCTL_LOG_LEVEL: 'info',
    });
    const worker = installation.start('worker');
    const waits = () => worker.log().split('waiting for the database').length > 2;
    await eventually('it has tried twice', waits, PATIENCE_MS);
    await proxy.up();
    await eventually('it works', () => worker.log().includes('worker started'), PATIENCE_MS);
    expect(await worker.end('SIGTERM')).toBe(0);
    await proxy.close();
    await database.drop();
  });

  test('a start that waits for its database stops at the first signal', async () => {
    const ended = await runAuthctl(['worker'], {
      env: { AUTHCTL_DATABASE_URL: 'postgres://authctl@127.0.0.1:1/authctl' },
      signal: 'SIGTERM',
      signalAfter: 'waiting for the database',
    });
    expect(ended).toMatchObject({ code: 130, stdout: '' });
    expect(ended.stderr).toContain('Interrupted');
  });
});

async function answers(url: string): Promise<boolean> {
  const options = { headers: { Connection: 'close' }, signal: AbortSignal.timeout(500) };
  return (await fetch(`${url}/v1/keys`, options)).ok;
}

/** How many requests all processes together have answered on a route. */
async function countOf(managementUrl: string, route: string): Promise<number> {
  const text = await (await fetch(`${managementUrl}/metrics`)).text();
  const line = text
    .split('\n')
    .find((text) => text.startsWith(`authctl_http_requests_total{route="${route}",status="200"}`));
  return Number(line?.split(' ').at(-1) ?? 0);
}
