import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  type ChildCommand,
  killIfAlive,
  runChildCommand,
  startChildCommand,
} from './child-command.ts';
import { findFreePort } from './free-port.ts';
import { type ProcessUsage, processTree, readUsage } from './processes.ts';

/** Settings by environment variable: `{ AUTHCTL_LIMITS: 'off' }`. */
export type SettingVariables = Readonly<Record<string, string>>;

export interface ThrowawayOptions {
  /** The executable's file, `bin/run.js`. */
  readonly runner: string;
  /** The caller's environment; its own `AUTHCTL_…` settings are left out. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Where the data folder is made; the system's folder for temporary files when absent. */
  readonly parentFolder?: string | undefined;
  /** How long a process may take to stop before it is killed. */
  readonly stopDeadlineMs?: number | undefined;
}

export interface ServeOptions {
  readonly settings?: SettingVariables | undefined;
  readonly worker: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What a process has used, and which part of the appliance it is. */
export interface RoleUsage extends ProcessUsage {
  readonly role: 'API' | 'worker' | 'PostgreSQL';
}

/** A running API of a throwaway appliance, with whatever it started. */
export interface RunningAppliance {
  /** Of the API process. */
  readonly pid: number;
  readonly url: string;
  readonly managementUrl: string;
  /** What it was started with, folder and ports aside: `AUTHCTL_LIMITS=off`. */
  readonly settings: readonly string[];
  /** Milliseconds from the spawn of the process to the first 200 of /health. */
  readonly startedInMs: number;
  /** What its processes have used so far. */
  usage(): Promise<RoleUsage[]>;
  /** SIGTERM, then waits until the processes are gone. */
  stop(): Promise<void>;
}

/** An installation that exists for one benchmark: its own data folder, ports and database. */
export interface Throwaway {
  readonly dataDir: string;
  /** Starts the API and waits until it is healthy. @throws AppError `internal` where it does not start */
  serve(options: ServeOptions): Promise<RunningAppliance>;
  /** Starts a worker of its own. */
  startWorker(settings?: SettingVariables): ChildCommand;
  /** Runs a command to its end. @returns its standard output */
  run(...args: string[]): Promise<string>;
  /** Stops what still runs, the database included, and removes the folder. Never leaves a process. */
  remove(): Promise<void>;
}

/** Shorter than what its caller has for removing it, so that an interrupted run leaves nothing. */
const SHUTDOWN_DEADLINE = '8s';
const START_DEADLINE_MS = 60_000;
const HEALTH_POLL_MS = 5;

export async function createThrowaway(options: ThrowawayOptions): Promise<Throwaway> {
  const { runner, clock, stopDeadlineMs } = options;
  const folder = await mkdtemp(join(options.parentFolder ?? tmpdir(), 'authctl-bench-'));
  const dataDir = join(folder, 'data');
  const running = new Set<ChildCommand>();
  let isRemoved = false;
  const ownSettings = {
    AUTHCTL_LOG_LEVEL: 'warn',
    AUTHCTL_SHUTDOWN_DEADLINE: SHUTDOWN_DEADLINE,
  };
  const baseEnv = {
    ...withoutSettings(options.env),
    AUTHCTL_DATA_DIR: dataDir,
    ...ownSettings,
  };

  function start(args: string[], settings: SettingVariables): ChildCommand {
    if (isRemoved) throw new AppError('unavailable', { text: 'The throwaway is being removed.' });
    const command = startChildCommand({
      runner,
      args,
      env: { ...baseEnv, ...settings },
      cwd: folder,
      stopDeadlineMs,
    });
    running.add(command);
    void command.ended.then(() => running.delete(command));
    return command;
  }

  async function databaseTree(): Promise<number[]> {
    const pid = await readPostmasterPid(dataDir);
    const tree = pid === undefined ? [] : processTree(pid);
    // The number in a stale file may belong to anybody by now.
    const [root] = readUsage(tree.slice(0, 1));
    return root?.command === 'postgres' ? tree : [];
  }

  return {
    dataDir,
    async serve({ settings = {}, worker, signal }) {
      const [port, managementPort] = [await findFreePort(), await findFreePort()];
      const url = `http://127.0.0.1:${port}`;
      const startedAt = clock.monotonicMs();
      const command = start(worker ? ['serve'] : ['serve', '--no-worker'], {
        AUTHCTL_PORT: String(port),
        AUTHCTL_MANAGEMENT_PORT: String(managementPort),
        ...settings,
      });
      await untilHealthy(url, command, clock, signal);
      return {
        pid: command.pid,
        url,
        managementUrl: `http://127.0.0.1:${managementPort}`,
        settings: Object.entries({ ...ownSettings, ...settings }).map((pair) => pair.join('=')),
        startedInMs: clock.monotonicMs() - startedAt,
        async usage() {
          const database = await databaseTree();
          const ours = processTree(command.pid).filter((pid) => !database.includes(pid));
          return [
            ...readUsage(ours).map((usage) => roleOf(usage, command.pid)),
            ...readUsage(database).map((usage) => ({ ...usage, role: 'PostgreSQL' as const })),
          ];
        },
        stop: () => command.stop(),
      };
    },
    startWorker: (settings = {}) => start(['worker'], settings),
    run: (...args) => runChildCommand({ runner, args, env: baseEnv, cwd: folder }),
    async remove() {
      isRemoved = true;
      const database = await databaseTree();
      await Promise.all([...running].map((command) => command.stop()));
      for (const pid of database) killIfAlive(pid);
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** `serve` is the API; the one process it starts, the database aside, is its worker. */
function roleOf(usage: ProcessUsage, apiPid: number): RoleUsage {
  return { ...usage, role: usage.pid === apiPid ? 'API' : 'worker' };
}

/** An operator's settings must not reach a throwaway: its database would be the real one. */
function withoutSettings(env: ThrowawayOptions['env']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AUTHCTL_')));
}

async function untilHealthy(
  url: string,
  command: ChildCommand,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = clock.monotonicMs() + START_DEADLINE_MS;
  while (!(await isHealthy(url))) {
    signal?.throwIfAborted();
    if (command.hasEnded() || clock.monotonicMs() > deadline) {
      await command.stop();
      throw new AppError('internal', {
        text: `The throwaway appliance did not start: ${command.lastWords() || 'it said nothing'}`,
      });
    }
    await sleep(HEALTH_POLL_MS);
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

async function readPostmasterPid(dataDir: string): Promise<number | undefined> {
  const text = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  return pid > 0 ? pid : undefined;
}
