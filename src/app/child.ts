import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { packageRoot } from '../lib/package-root.ts';
import { askChild, type Question } from './process-questions.ts';

export interface ChildOptions {
  /** The command to run, such as `['worker', '--supervised']`. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Options of Node itself, such as a heap limit. */
  readonly execArgv?: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
}

export interface Supervised {
  /** Asks the present child; null when there is none or it does not answer. */
  ask(question: Question): Promise<unknown>;
  /** Asks it to stop and waits; ends it by force after the deadline. Callable more than once. */
  stop(deadlineMs: number): Promise<void>;
}

const FIRST_RESTART_MS = 200;
const LONGEST_RESTART_MS = 10_000;
/** A child that lived this long starts over with the shortest delay. */
const STABLE_AFTER_MS = 30_000;

/**
 * Runs a command of this program as a child and starts it again when it dies, with a delay that
 * doubles. The child ignores the terminal's signals and stops when this end of the channel closes,
 * so it also stops when this process is killed.
 */
export function superviseChild(options: ChildOptions): Supervised {
  const { log, clock } = options;
  const name = options.args[0];
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  let stopping: Promise<void> | undefined;
  let delayMs = FIRST_RESTART_MS;

  function start(): void {
    const startedAt = clock.monotonicMs();
    child = fork(join(packageRoot(), 'bin', 'run.js'), options.args, {
      env: options.env,
      execArgv: [...(options.execArgv ?? [])],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      // JSON would turn the metrics' NaN and Infinity into null.
      serialization: 'advanced',
    });
    const { pid } = child;
    child.on('error', (error) => {
      log.error({ err: error, child: name }, 'child failed');
      // One that never ran does not end either.
      if (pid === undefined) startAgain();
    });
    child.once('exit', (code, signal) => {
      if (stopping) return;
      if (clock.monotonicMs() - startedAt > STABLE_AFTER_MS) delayMs = FIRST_RESTART_MS;
      log.error({ child: name, code, signal, restartInMs: delayMs }, 'child ended, restarting');
      startAgain();
    });
  }

  function startAgain(): void {
    if (stopping) return;
    restart = setTimeout(start, delayMs);
    delayMs = Math.min(delayMs * 2, LONGEST_RESTART_MS);
  }

  async function stopOnce(deadlineMs: number): Promise<void> {
    clearTimeout(restart);
    if (!child?.pid || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    if (child.connected) child.disconnect();
    const force = setTimeout(() => {
      log.error({ child: name, deadlineMs }, 'child does not stop, killing it');
      child?.kill('SIGKILL');
    }, deadlineMs);
    await ended;
    clearTimeout(force);
  }

  start();
  return {
    ask: async (question) => (child?.connected ? askChild(child, question) : null),
    stop(deadlineMs) {
      stopping ??= stopOnce(deadlineMs);
      return stopping;
    },
  };
}
