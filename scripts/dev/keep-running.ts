import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { watchFolders } from './watch-folders.ts';

export interface KeepRunningOptions {
  /** Folders that are watched, with all that is in them. */
  readonly folders: readonly string[];
  /** Makes a change ready to run; false leaves what runs as it is. */
  prepare(): Promise<boolean>;
  start(): ChildProcess;
  /** Ends it all. */
  readonly stop: AbortSignal;
}

/** An editor saves in several steps, and a checkout changes many files: all of that is one change. */
const SETTLE_MS = 200;

/** Runs a program, and starts it anew whenever something has changed; resolves when it has stopped. */
export async function keepRunning(options: KeepRunningOptions): Promise<void> {
  const { folders, prepare, start, stop } = options;
  let changed = Promise.withResolvers<void>();
  let child = start();

  const noteChange = () => changed.resolve();
  const watching = watchFolders(folders, noteChange);
  stop.addEventListener('abort', noteChange, { once: true });
  try {
    while (!stop.aborted) {
      await changed.promise;
      if (stop.aborted) break;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      // From here on, what changes is the next change.
      changed = Promise.withResolvers();
      if (!(await prepare()) || stop.aborted) continue;
      await end(child);
      child = start();
    }
  } finally {
    watching.close();
    await end(child);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
