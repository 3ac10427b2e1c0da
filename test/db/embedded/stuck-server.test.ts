import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, expect, onTestFinished } from 'vitest';
import { startServer } from '../../../src/db/embedded/server.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createLogger } from '../../../src/lib/logger.ts';

/** What tells a server that replays its log from one that does not is only to be seen there. */
const test = base.runIf(process.platform === 'linux');

/**
 * A server that refuses everybody. A real one is stuck in its recovery only after the disk has refused
 * to write at the right moment, which takes a debugger to arrange.
 */
const STAND_IN = `
  const { writeFileSync } = require('node:fs');
  const { spawn } = require('node:child_process');
  const [socket, message, child] = process.argv.slice(1);
  writeFileSync('/proc/self/comm', 'postgres');
  if (child) spawn('sleep', ['60'], { argv0: child });
  const fields = ['SFATAL', 'VFATAL', 'C57P03', 'M' + message, ''].join('\\0') + '\\0';
  const refusal = Buffer.concat([Buffer.from('E____'), Buffer.from(fields)]);
  refusal.writeInt32BE(refusal.length - 1, 1);
  const server = require('node:net').createServer((client) => {
    client.on('error', () => undefined);
    client.once('data', () => client.end(refusal));
  });
  server.listen(socket, () => {
    writeFileSync('postmaster.pid', process.pid + '\\n');
    process.stdout.write('listening');
  });
  process.on('SIGQUIT', () => server.close(() => process.exit(2)));
`;

async function startStandIn(message: string, child = '') {
  const root = await mkdtemp(join(tmpdir(), 'authctl-stuck-'));
  const folder = join(root, 'postgres');
  await mkdir(folder);
  await writeFile(join(root, 'postgres.log'), '');
  const args = ['-e', STAND_IN, join(root, '.s.PGSQL.5432'), message, child];
  const standIn = spawn(process.execPath, args, { cwd: folder, detached: true });
  onTestFinished(async () => {
    endGroup(standIn.pid!);
    await rm(root, { recursive: true });
  });
  await once(standIn.stdout, 'data');
  return { standIn, start: () => start(root, folder) };
}

/** The stand-in, if it is there, and its child. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    expect(error).toMatchObject({ code: 'ESRCH' });
  }
}

/** What asking for the server comes to; a start of a new one is told by its name. */
async function start(root: string, folder: string): Promise<string> {
  const connectionString = `postgresql://authctl@/authctl?host=${root}`;
  const options = {
    folder,
    socketFolder: root,
    logFile: join(root, 'postgres.log'),
    connectionString,
    maintenanceUrl: connectionString,
    log: createLogger({ level: 'silent' }),
    // Thirty times as fast: nobody waits for a minute here.
    clock: { ...systemClock, monotonicMs: () => performance.now() * 30 },
  };
  const launch = () => Promise.reject(new Error('a new one is started'));
  const failed = await startServer(options, launch).catch((error: unknown) => error);
  return String(failed);
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null;

test('a server that is stuck in its recovery is ended, and a new one is started', async () => {
  const { standIn, start } = await startStandIn('the database system is in recovery mode');
  expect(await start()).toContain('a new one is started');
  expect(hasEnded(standIn)).toBe(true);
});

test.each([
  ['replays its log', 'the database system is in recovery mode', 'postgres: startup recovering 01'],
  ['is stopping', 'the database system is shutting down', ''],
])('one that %s is left to it', async (_, message, child) => {
  const { standIn, start } = await startStandIn(message, child);
  expect(await start()).toContain('runs, but cannot be reached');
  expect(hasEnded(standIn)).toBe(false);
});
