import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createMemoryLimit, type MemoryLimit, whyNoMemoryLimit } from '../support/memory-limit.ts';
import { createInstallation, type Installation } from '../support/process.ts';
import { PASSWORD, startRegistrations } from '../support/registration-load.ts';
import { expectAllKept, expectLogins } from './journal.ts';

/** What docs/operations.md says to give; with its two hashes at once whatever machine this is. */
const DOCUMENTED_BYTES = 512 * 2 ** 20;
const PATIENCE_MS = 30_000;

let memory: MemoryLimit;
let installation: Installation;

beforeEach(async () => {
  memory = createMemoryLimit(DOCUMENTED_BYTES);
  const env = {
    AUTHCTL_HASH_SLOTS: '2',
    AUTHCTL_HASH_ENGINE: 'node-rs',
    AUTHCTL_LOG_LEVEL: 'error',
  };
  installation = await createInstallation(env, { joinFile: memory.joinFile });
});
afterEach(async () => {
  await installation.remove();
  await memory.remove();
});

const orWhyNot = (what: string) =>
  whyNoMemoryLimit === undefined ? what : `${what} (${whyNoMemoryLimit})`;

test.skipIf(whyNoMemoryLimit)(
  orWhyNot('a flood of sign-ins fits into the documented memory'),
  async () => {
    const api = await installation.serve();
    await installation.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
    const send = async (path: string, name: string) => {
      const response = await fetch(`${api.url}${path}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ email: `${name}@open.example`, password: PASSWORD }),
      });
      await response.arrayBuffer();
      return response.status;
    };
    expect(await send('/v1/register', 'ada')).toBe(201);
    const tally = { served: 0, refused: 0 };
    const isFlooded = () => tally.served >= 100 && tally.refused >= 1_000;
    const comeAgain = async (visitor: number) => {
      // One in four is nobody's: that costs as much.
      while (!isFlooded()) {
        const status = await send('/v1/login', visitor % 4 ? 'ada' : 'nobody');
        if (status === 503) tally.refused += 1;
        else tally.served += 1;
      }
    };
    await Promise.all(Array.from({ length: 200 }, (_, visitor) => comeAgain(visitor)));
    expect(memory.oomKills()).toBe(0);
    expect((await fetch(`${api.url}/health`)).status).toBe(200);
    expect(await api.end('SIGTERM')).toBe(0);
  },
  2 * PATIENCE_MS,
);

test.skipIf(whyNoMemoryLimit)(
  orWhyNot(
    'ended by the kernel for want of memory: all that was acknowledged is there, the next start needs no help',
  ),
  async () => {
    const api = await installation.serve();
    await installation.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
    const load = startRegistrations(api.url, { name: 'oom', domain: 'open.example' });
    await eventually('it is at work', () => load.acknowledged().length > 20, PATIENCE_MS);
    // The bound follows its need down, until a hash is too much. A worker or a PostgreSQL that is
    // chosen first comes back and is asked again.
    const isEnded = () => {
      memory.set(memory.usedBytes());
      return !isRunning(api.pid);
    };
    await eventually('the kernel ends it', isEnded, PATIENCE_MS);
    expect(memory.oomKills()).toBeGreaterThan(0);
    memory.set(DOCUMENTED_BYTES);
    await load.over;

    const next = await installation.serve();
    await expectAllKept(installation, load.acknowledged());
    await expectLogins(next.url, load.acknowledged(), 4);
    expect(await next.end('SIGTERM')).toBe(0);
  },
  3 * PATIENCE_MS,
);

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
