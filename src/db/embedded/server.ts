import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorCode } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { findPostmaster, isPostmaster, isReplaying, removeRecycledPids } from './postmaster.ts';
import { createDatabase, probeServer } from './probe.ts';
import type { ServerCommand } from './server-account.ts';
import { openServerLog, readServerLog } from './server-log.ts';
import { removeSocketFolder } from './socket-folder.ts';

/** Crash recovery replays at most a checkpoint's worth of log: seconds, not minutes. */
const START_DEADLINE_MS = 60_000;
/** Fast shutdown ends sessions and writes a checkpoint. */
const STOP_DEADLINE_MS = 30_000;
const POLL_MS = 10;
/**
 * A usual start is over by then. Each further question costs the server a process and a line in its log,
 * and so does each try at a start that fails: of a server in trouble it is asked less often.
 */
const EAGER_MS = 1_000;
const PATIENT_POLL_MS = 250;
/**
 * A server that recovers without replaying anything for so long never will. It gives its own processes
 * five seconds to end before it begins (SIGKILL_CHILDREN_AFTER_SECS).
 */
const STUCK_AFTER_MS = 10_000;

/**
 * Why a start may fail and soon succeed: the children of a server that was killed outlive it until
 * they notice; or a start that a killed process of ours began has come first.
 */
const PASSING_REASONS = ['pre-existing shared memory block', 'already exists'];

export interface ServerOptions {
  /** PostgreSQL's data folder. */
  readonly folder: string;
  readonly socketFolder: string;
  readonly logFile: string;
  readonly connectionString: string;
  /** Of a database that is always there. */
  readonly maintenanceUrl: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * Starts the server unless it runs, and waits until it answers, crash recovery included. The caller
 * holds the start lock. A start that takes too long is left alone: the next call finds it.
 * @param prepare how to start it; called only when that is needed
 * @throws `dependency_unreachable` when it does not come up, with what its log says
 */
export async function startServer(
  options: ServerOptions,
  prepare: () => Promise<ServerCommand>,
): Promise<void> {
  const { clock, connectionString, folder, socketFolder } = options;
  const began = clock.monotonicMs();
  let launch: Launch | undefined;
  let isQuit = false;
  for (;;) {
    const state = await probeServer(connectionString);
    if (state === 'incomplete') await createDatabase(options.maintenanceUrl);
    if (state === 'up' || state === 'incomplete') break;
    const tookMs = clock.monotonicMs() - began;
    if (tookMs > START_DEADLINE_MS) throw await notStarted(options, launch);
    if (state === 'recovering' && tookMs > STUCK_AFTER_MS && !isQuit) {
      isQuit = await quitIfStuck(options);
      if (isQuit) launch = undefined;
    }
    if (launch?.end) launch = await checkMayRetry(options, launch);
    if (state === 'down' && !launch && !(await findPostmaster(folder, socketFolder)))
      launch = await launchServer(options, await prepare());
    await sleep(tookMs < EAGER_MS ? POLL_MS : PATIENT_POLL_MS);
  }
  if (launch) options.log.info({ ms: elapsedMs(clock, began) }, 'PostgreSQL started');
}

/**
 * Stops the server, if it runs, and waits until it is gone. The caller holds the start lock.
 * @throws `dependency_unreachable` when it does not go
 */
export async function stopServer(options: ServerOptions): Promise<void> {
  const { folder, socketFolder, clock, log, logFile } = options;
  const pid = await findPostmaster(folder, socketFolder);
  if (pid !== undefined) {
    const began = clock.monotonicMs();
    // SIGQUIT gives up on order, not on data: the next start recovers what was committed.
    const isGone =
      (await signalAndWait(options, pid, 'SIGINT')) ||
      (await signalAndWait(options, pid, 'SIGQUIT'));
    if (!isGone) {
      throw new AppError('dependency_unreachable', {
        text: `The embedded PostgreSQL (process ${pid}) does not stop.`,
        hint: `see ${logFile}`,
      });
    }
    log.info({ ms: elapsedMs(clock, began) }, 'PostgreSQL stopped');
  }
  await removeSocketFolder(socketFolder);
}

interface Launch {
  /** Length of the log before it: what follows is its own. */
  readonly logOffset: number;
  /** How it ended by itself or by a signal; undefined while it lives. */
  end: 'failed' | 'killed' | undefined;
}

/** In a session of its own, so that a terminal's Ctrl-C reaches us and not the server. */
async function launchServer(options: ServerOptions, command: ServerCommand): Promise<Launch> {
  await removeRecycledPids(options.folder, options.socketFolder);
  const log = await openServerLog(options.logFile);
  try {
    const { size } = await log.stat();
    const child = spawn(command.file, command.args, {
      ...command.options,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.unref();
    const launch: Launch = { logOffset: size, end: undefined };
    child.once('exit', (_code, signal) => {
      launch.end = signal === null ? 'failed' : 'killed';
    });
    child.once('error', () => {
      launch.end = 'failed';
    });
    return launch;
  } finally {
    await log.close();
  }
}

/** Lets a start that ended for a passing reason be tried again; any other is an error. */
async function checkMayRetry(options: ServerOptions, launch: Launch): Promise<undefined> {
  if (launch.end === 'killed') return;
  const said = await readServerLog(options.logFile, launch.logOffset);
  if (!PASSING_REASONS.some((reason) => said.includes(reason)))
    throw await notStarted(options, launch);
}

/**
 * Ends a server whose recovery has failed and which goes on without: PostgreSQL 18 does when the disk
 * refuses to write just then. What was committed is there for the next start.
 */
async function quitIfStuck({ folder, socketFolder, log }: ServerOptions): Promise<boolean> {
  const pid = await findPostmaster(folder, socketFolder);
  if (pid === undefined || isReplaying(pid)) return false;
  log.warn(
    { postmaster: pid },
    'the embedded PostgreSQL is stuck in its recovery, starting it anew',
  );
  sendSignal(pid, 'SIGQUIT');
  return true;
}

async function signalAndWait(
  options: ServerOptions,
  pid: number,
  signal: 'SIGINT' | 'SIGQUIT',
): Promise<boolean> {
  const { clock, folder, socketFolder } = options;
  const deadline = clock.monotonicMs() + STOP_DEADLINE_MS;
  sendSignal(pid, signal);
  while (isPostmaster(pid, folder, socketFolder)) {
    if (clock.monotonicMs() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // It went by itself a moment ago.
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

async function notStarted(options: ServerOptions, launch: Launch | undefined): Promise<AppError> {
  const { folder, logFile, socketFolder } = options;
  const pid = await findPostmaster(folder, socketFolder);
  if (pid !== undefined) {
    return new AppError('dependency_unreachable', {
      text: `The embedded PostgreSQL (process ${pid}) runs, but cannot be reached in ${socketFolder}.`,
      hint: `it may still be recovering, see ${logFile}; a service with a /tmp of its own (PrivateTmp) hides the socket from others`,
    });
  }
  const said = launch ? await readServerLog(logFile, launch.logOffset) : '';
  return new AppError('dependency_unreachable', {
    text: 'The embedded PostgreSQL does not start.',
    hint: `see ${logFile}${said && `; it says: ${said}`}`,
  });
}

function elapsedMs(clock: Clock, since: number): number {
  return Math.round(clock.monotonicMs() - since);
}
