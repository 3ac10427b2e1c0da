import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { postmasterOf } from '../db/embedded/members.ts';
import { eventually } from '../support/eventually.ts';
import { whyNoTool } from '../support/machine-tool.ts';
import { createInstallation, type Installation } from '../support/process.ts';
import { startRegistrations } from '../support/registration-load.ts';
import { expectAllKept, expectLogins } from './journal.ts';

// Only the administrator may hold any process, which strace has to.
const whyNoStrace = process.getuid?.() === 0 ? whyNoTool('strace') : 'only for root';

let installation: Installation;

beforeEach(async () => {
  installation = await createInstallation({
    AUTHCTL_HASH_MODE: 'deferred',
    AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
    AUTHCTL_WORKER_NICE: '0',
    AUTHCTL_LOG_LEVEL: 'error',
  });
});
afterEach(() => installation.remove());

test.skipIf(whyNoStrace)(
  'a disk that fails to keep the write-ahead log: nothing is confirmed that it has not kept',
  async () => {
    const api = await installation.serve('--no-worker');
    await installation.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
    const load = startRegistrations(api.url, { name: 'sync', domain: 'open.example' });
    for (let round = 1; round <= 2; round += 1) {
      const before = load.acknowledged().length;
      const isAtWork = () => load.acknowledged().length > before + 150;
      await eventually('it is at work', isAtWork, 30_000);
      // Again where a server process ended just before strace reached it.
      const crash = async () => {
        await failSyncs(serversOf(installation.dataDir));
        return panics(installation.dataDir) >= round;
      };
      await eventually('PostgreSQL gives itself up', crash, 30_000);
    }
    const before = load.acknowledged().length;
    await eventually('it is well again', () => load.acknowledged().length > before + 150, 30_000);
    await load.stop();

    const others = load.journal.filter(({ status }) => status !== 201);
    expect(others).toEqual(
      others.filter(({ status, code }) => status === 503 && code !== 'internal'),
    );
    await expectAllKept(installation, load.acknowledged());
    await expectLogins(api.url, load.acknowledged());
    expect(await api.end('SIGTERM')).toBe(0);
  },
  120_000,
);

/** The server processes of the moment, without the one that starts new ones. */
function serversOf(dataDir: string): string[] {
  const pid = postmasterOf(dataDir);
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
}

/**
 * Answers each of their requests to sync the log with an I/O error, as a broken disk does. Resolves
 * when all of them have ended, which PostgreSQL sees to: it does not trust a log it could not sync.
 */
async function failSyncs(pids: readonly string[]): Promise<void> {
  const targets = pids.flatMap((pid) => ['-p', pid]);
  const args = ['-qq', '-o', '/dev/null', '-e', 'inject=fdatasync:error=EIO', ...targets];
  const strace = spawn('strace', args, { stdio: 'ignore' });
  await new Promise((resolve, reject) => strace.on('error', reject).on('close', resolve));
}

/** How often the server has given itself up for a log that could not be synced. */
function panics(dataDir: string): number {
  const log = readFileSync(join(dataDir, 'postgres.log'), 'utf8');
  return log.match(/PANIC: .*could not fdatasync/g)?.length ?? 0;
}
