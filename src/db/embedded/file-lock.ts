import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';

const POLL_MS = 15;
/** SQLite's result code for "somebody holds a lock that excludes yours"; extended codes keep it in the low byte. */
const SQLITE_BUSY = 5;

export interface FileLock {
  release(): void;
}

/**
 * Takes a lock on a file, or returns null where another holder excludes it. Never waits.
 *
 * The lock is that of an open SQLite transaction: a POSIX lock, which the kernel drops when its process dies,
 * `kill -9` included, so there is no pid file to go stale. SQLite is used because Node has no call
 * for file locks of its own, and because it also keeps apart several holders inside one process.
 * Nothing is ever written. Nothing else may open the file in this process: closing any descriptor
 * of it drops the process's POSIX locks.
 * @throws `config_invalid` when the file cannot be opened for writing
 */
export function tryLock(path: string, mode: 'shared' | 'exclusive'): FileLock | null {
  let holder: DatabaseSync | undefined;
  try {
    holder = new DatabaseSync(path, { timeout: 0 });
    // Without it an exclusive transaction leaves a journal beside the file.
    holder.exec('PRAGMA journal_mode = MEMORY');
    holder.exec(mode === 'exclusive' ? 'BEGIN EXCLUSIVE' : 'BEGIN; SELECT 1 FROM sqlite_schema');
  } catch (error) {
    holder?.close();
    if (isBusy(error)) return null;
    throw new AppError('config_invalid', {
      text: `The file ${path} cannot be locked.`,
      hint: 'run as the user who owns the data folder, or change its owner (chown -R)',
      cause: error,
    });
  }
  const held = holder;
  return { release: () => held.close() };
}

/**
 * Takes the exclusive lock, waiting for whoever holds it; the event loop goes on meanwhile.
 * @throws `dependency_unreachable` when `patienceMs` is over
 */
export async function lockExclusive(
  path: string,
  patienceMs: number,
  clock: Clock,
): Promise<FileLock> {
  const deadline = clock.monotonicMs() + patienceMs;
  for (;;) {
    const lock = tryLock(path, 'exclusive');
    if (lock) return lock;
    if (clock.monotonicMs() > deadline) {
      throw new AppError('dependency_unreachable', {
        text: `Another process has held ${path} for ${patienceMs / 1_000} seconds.`,
        hint: 'an authctl process hangs while it starts or stops PostgreSQL: end it and try again',
      });
    }
    await sleep(POLL_MS);
  }
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  return (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}
