import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { killIfAlive } from '../../src/bench/appliance/child-command.ts';
import { findFreePort } from '../../src/bench/appliance/free-port.ts';
import { processTree } from '../../src/bench/appliance/processes.ts';
import { findBinaries } from '../../src/db/embedded/binaries.ts';
import { runProgram } from '../../src/db/embedded/run-program.ts';
import { chooseServerAccount, serverCommand } from '../../src/db/embedded/server-account.ts';
import type { Act, Answer } from './load.ts';

/** What a signed-in client keeps. */
export interface Session {
  readonly access: string;
  readonly refresh?: string;
  readonly id?: string;
}

/** A service as its clients use it. */
export interface Peer {
  readonly url: string;
  /** Starts it on its data. */
  start(): Promise<Running>;
  /** What has to be had anew before every run, such as an administrator's short-lived token. */
  prepare?(): Promise<void>;
  register(email: string): Act;
  login(email: string, password: string): Act;
  session(answer: Answer): Session;
  /** Asks who the user is, as an application does on every request. */
  me(session: Session): Act;
  refresh?(session: Session): Act;
  /** Stops what it keeps between two starts: its database. */
  remove?(): Promise<void>;
}

export interface Running {
  readonly startedInMs: number;
  /** Every process of it, the database included. */
  pids(): number[];
  stop(): Promise<void>;
}

export const PASSWORD = 'correct horse battery staple 7';
const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 20_000;

/**
 * Starts a server and waits until it is healthy.
 * @throws Error where it ends before, or takes two minutes
 */
export async function startServer(
  [file = '', ...args]: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; uid?: number; gid?: number },
  isHealthy: () => Promise<boolean>,
): Promise<Running> {
  const startedAt = performance.now();
  const child = spawn(file, args, { ...options, stdio: 'ignore' });
  const ended = once(child, 'close');
  const pids = () => processTree(child.pid!);
  async function stop(): Promise<void> {
    const tree = pids();
    child.kill('SIGTERM');
    await Promise.race([ended, sleep(STOP_DEADLINE_MS, undefined, { ref: false })]);
    for (const pid of tree) killIfAlive(pid);
  }
  while (!(await isHealthy())) {
    if (pids().length > 0 && performance.now() - startedAt < START_DEADLINE_MS) await sleep(5);
    else await stop().then(() => Promise.reject(new Error(`${file} did not start`)));
  }
  return { startedInMs: performance.now() - startedAt, pids, stop };
}

/** Whether a GET is answered 200 now. */
export async function isOk(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => undefined);
  await answer?.arrayBuffer();
  return answer?.status === 200;
}

/**
 * Makes and starts a PostgreSQL of the product's own programs as `initdb` sets it up: nothing tuned,
 * `fsync` and `synchronous_commit` on, loopback only.
 */
export async function startPostgres(folder: string) {
  const { initdb, postgres } = await findBinaries();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const account = chooseServerAccount(postgres, folder, undefined);
  await chown(folder, account.uid, account.gid);
  await runProgram(serverCommand(account, initdb, folder, ['-U', 'peer', '--auth=trust']));
  const port = await findFreePort();
  const listen = ['-p', String(port), '-h', '127.0.0.1', '-k', ''];
  const { file, args, options } = serverCommand(account, postgres, folder, listen);
  const server = await startServer([file, ...args], options, () => sleep(2_000, true));
  return { ...server, url: `postgres://peer@127.0.0.1:${port}/postgres?sslmode=disable` };
}

/** Runs a program to its end. @throws Error with what it wrote where it fails */
export function run(file: string, args: string[], cwd: string, env = process.env): Promise<void> {
  return runProgram({ file, args, options: { cwd, env } });
}

/** How a server beside its own PostgreSQL is started and removed. */
export function besidePostgres(
  command: readonly string[],
  {
    postgres,
    health,
    ...options
  }: { postgres: Running; health: string; cwd: string; env: NodeJS.ProcessEnv },
) {
  return {
    async start(): Promise<Running> {
      const server = await startServer(command, options, () => isOk(health));
      return { ...server, pids: () => [...server.pids(), ...postgres.pids()] };
    },
    remove: () => postgres.stop(),
  };
}
