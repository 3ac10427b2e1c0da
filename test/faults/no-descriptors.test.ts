import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from '../support/process.ts';
import { PASSWORD } from '../support/registration-load.ts';

const PATIENCE_MS = 30_000;
/** More than are open, and fewer than the clients that come. */
const SPARE = 20;
const CLIENTS = 100;

let installation: Installation;
beforeEach(async () => {
  installation = await createInstallation({ AUTHCTL_LOG_LEVEL: 'error' });
});
afterEach(() => installation.remove());

/** prlimit(1) changes the limit of a process that runs. */
const canLimit = process.platform === 'linux' && hasPrlimit();

function hasPrlimit(): boolean {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.runIf(canLimit)(
  'no file descriptor left: it lives, and serves again when clients go',
  async () => {
    const api = await installation.serve('--no-worker');
    const post = async (path: string, email: string) => {
      const response = await fetch(api.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Connection: 'close' },
        body: JSON.stringify({ email, password: PASSWORD }),
        signal: AbortSignal.timeout(2_000),
      });
      return response.status;
    };
    expect(await post('/v1/register', 'before@example.com')).toBe(202);
    const most = readdirSync(`/proc/${api.pid}/fd`).length + SPARE;
    execFileSync('prlimit', ['--pid', String(api.pid), `--nofile=${most}:${most}`]);

    const { hostname, port } = new URL(api.url);
    const clients: Socket[] = [];
    for (let count = 0; count < CLIENTS; count += 1) {
      const client = connect(Number(port), hostname);
      client.on('error', () => undefined);
      clients.push(client);
    }
    const isFull = () => readdirSync(`/proc/${api.pid}/fd`).length >= most;
    await eventually('none is left', isFull, PATIENCE_MS);
    await expect(post('/v1/register', 'meanwhile@example.com')).rejects.toThrow();

    for (const client of clients) client.destroy();
    const serves = async () =>
      (await post('/v1/register', 'after@example.com').catch(() => 0)) === 202;
    await eventually('it serves again', serves, PATIENCE_MS);
    expect(await post('/v1/login', 'before@example.com')).toBe(200);
    expect(await api.end('SIGTERM')).toBe(0);
  },
  120_000,
);
