import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { canMakeDisk, createInstallation, type Installation } from '../support/process.ts';
import { PASSWORD, startRegistrations } from '../support/registration-load.ts';
import { expectAllKept, expectLogins } from './journal.ts';

/** Room for a new database, its log and some thousand accounts. */
const DISK = '160m';
const PATIENCE_MS = 60_000;

let installation: Installation;
let filler: string;

beforeEach(async () => {
  const env = {
    AUTHCTL_HASH_MODE: 'deferred',
    AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
    AUTHCTL_REGISTRATION_AUTO_LOGIN: 'on',
    AUTHCTL_WORKER_NICE: '0',
    AUTHCTL_LOG_LEVEL: 'error',
  };
  installation = await createInstallation(env, canMakeDisk ? { disk: DISK } : {});
  filler = join(installation.dataDir, 'filler');
});
afterEach(() => installation.remove());

test.runIf(canMakeDisk)(
  'a full disk: what is only read works, what is written is refused; with room again all is well',
  async () => {
    const api = await installation.serve();
    await installation.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
    const token = await registerFirst(api.url);
    const load = startRegistrations(api.url, { name: 'full', domain: 'open.example' });
    await eventually('it is at work', () => load.acknowledged().length > 300, PATIENCE_MS);

    fillDisk();
    const refused = () => load.journal.filter(({ status }) => status === 503).length;
    await eventually('writing is refused', () => refused() > 40, PATIENCE_MS);
    expect(await statusOf(`${api.url}/v1/me`, token)).toBe(200);
    expect(await statusOf(`${api.managementUrl}/health/live`)).toBe(200);

    // Without room for its log, PostgreSQL ends itself rather than lose what it has confirmed.
    const write = `SELECT pg_logical_emit_message(false, 'fill', repeat('x', 4000000))`;
    await eventually(
      'the database is down',
      async () => {
        fillDisk();
        await installation.sql(write).catch(() => undefined);
        return (await statusOf(`${api.url}/health`)) === 503;
      },
      PATIENCE_MS,
    );
    expect(await statusOf(`${api.managementUrl}/health/live`)).toBe(200);

    rmSync(filler);
    const before = load.acknowledged().length;
    const isBack = () => load.acknowledged().length > before + 100;
    await eventually('it works again, without a restart of ours', isBack, PATIENCE_MS);
    await load.stop();
    const others = load.journal.filter(({ status }) => status !== 201 && status !== 503);
    expect(others).toEqual([]);
    await expectAllKept(installation, load.acknowledged());
    await expectLogins(api.url, load.acknowledged());
    expect(await api.end('SIGTERM')).toBe(0);
  },
  4 * PATIENCE_MS,
);

/** Takes every byte that is left. */
function fillDisk(): void {
  const file = openSync(filler, 'a');
  try {
    for (const size of [1_048_576, 65_536, 4_096, 1]) writeUntilFull(file, Buffer.alloc(size));
  } finally {
    closeSync(file);
  }
}

function writeUntilFull(file: number, block: Buffer): void {
  try {
    while (writeSync(file, block) === block.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

async function registerFirst(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email: 'first@open.example', password: PASSWORD }),
  });
  const { tokens } = (await response.json()) as { tokens: { access_token: string } };
  return tokens.access_token;
}

async function statusOf(url: string, token?: string): Promise<number> {
  const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
  return (await fetch(url, { headers })).status;
}
