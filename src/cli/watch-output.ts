import { errorCode } from '../lib/error-code.ts';
import { outputFailure, printFailure, printWarning } from './failure.ts';

/** What became of standard output. */
export interface WatchedOutput {
  /** The error after which it took no more; undefined while it does. */
  readonly error: Error | undefined;
}

/**
 * Notices that standard output takes no more, as a file on a full disk does, and says so once. oclif ends
 * the process on the spot then: with a stack, and with what the command has opened left behind, PostgreSQL
 * for one. What was being done is done now, and exits 1; a process that serves goes on serving. A reader
 * that has seen enough, such as `head`, is no failure.
 */
export function watchOutput(isServing: boolean): WatchedOutput {
  const watched: { error: Error | undefined } = { error: undefined };
  process.stdout.removeAllListeners('error').on('error', (error) => {
    if (watched.error || errorCode(error) === 'EPIPE') return;
    watched.error = error;
    const failure = outputFailure(error);
    if (isServing) {
      printWarning(failure.message, process.stderr);
      return;
    }
    process.exitCode = failure.exitCode;
    printFailure(failure, [], process.stderr);
  });
  return watched;
}
