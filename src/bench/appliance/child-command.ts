import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import { errorCode } from '../../lib/error-code.ts';
import { isAlive, processTree } from './processes.ts';

export interface ChildCommandOptions {
  /** The executable's file, `bin/run.js`. */
  readonly runner: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where it runs: no configuration file of the operator's is in reach there. */
  readonly cwd: string;
  /** How long SIGTERM may take; longer than the appliance's own shutdown deadline when absent. */
  readonly stopDeadlineMs?: number | undefined;
}

/** A command of the appliance that runs until it is stopped. */
export interface ChildCommand {
  readonly pid: number;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  /** The end of what it wrote to standard error: why it failed, if it did. */
  lastWords(): string;
  /** Sends SIGTERM and waits; kills the process and all its descendants when that takes too long. */
  stop(): Promise<void>;
}

const STOP_DEADLINE_MS = 12_000;
const KEPT_OUTPUT = 4_000;

export function startChildCommand(options: ChildCommandOptions): ChildCommand {
  const child = spawnCommand(options);
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-KEPT_OUTPUT);
  });
  child.stdout?.resume();
  const ended = once(child, 'close').then(() => undefined);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;

  return {
    pid: child.pid!,
    ended,
    hasEnded,
    lastWords: () => words.trim(),
    async stop() {
      if (hasEnded()) return;
      const tree = processTree(child.pid!);
      child.kill('SIGTERM');
      const overrun = sleep(options.stopDeadlineMs ?? STOP_DEADLINE_MS, 'late' as const, {
        ref: false,
      });
      if ((await Promise.race([ended, overrun])) !== 'late') return;
      for (const pid of tree) killIfAlive(pid);
      await ended;
    },
  };
}

/**
 * Runs a command of the appliance to its end.
 * @returns what it wrote to standard output
 * @throws AppError `internal` with its last words where it fails
 */
export async function runChildCommand(options: ChildCommandOptions): Promise<string> {
  const child = spawnCommand(options);
  let output = '';
  let words = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-KEPT_OUTPUT);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code === 0) return output;
  throw new AppError('internal', {
    text: `\`authctl ${options.args.join(' ')}\` failed: ${words.trim() || output.trim()}`,
  });
}

/** Kills a process that this tool started. */
export function killIfAlive(pid: number): void {
  try {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended between the look and the signal.
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

function spawnCommand({ runner, args, env, cwd }: ChildCommandOptions): ChildProcess {
  return spawn(process.execPath, [runner, ...args], {
    cwd,
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a group of its own: Ctrl-C is for the benchmark, which then stops this in order.
    detached: true,
  });
}
