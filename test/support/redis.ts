import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';

const BINARIES = ['valkey-server', 'redis-server'];

export interface RedisServer {
  readonly url: string;
  /** Ends it at once, as a crash does; nothing of it is kept. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** Lets it hang: connections stay open, nothing is answered. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/**
 * The Valkey or Redis server of this machine, or why the tests that need one are skipped. Where it
 * counts, under `CI`, a missing server is an error.
 */
export const redisBinary = findBinary();
export const whyNoRedis = `none of ${BINARIES.join(', ')} is installed`;

function findBinary(): string | null {
  const found = BINARIES.find((binary) => {
    try {
      execFileSync(binary, ['--version'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
  if (!found && process.env['CI']) throw new Error(whyNoRedis);
  return found ?? null;
}

/** Starts a real server on a free port, in a folder of its own, writing nothing to disk. */
export async function startRedis(): Promise<RedisServer> {
  const folder = await mkdtemp('/tmp/authctl-redis-');
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder];
    child = spawn(redisBinary!, [...options, '--save', '', '--appendonly', 'no'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout! }))
      if (line.includes('Ready to accept connections')) break;
    child.stdout!.resume();
    if (child.exitCode !== null) throw new Error(`${redisBinary} did not start`);
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async stop() {
      await kill();
      await rm(folder, { recursive: true });
    },
  };
}
