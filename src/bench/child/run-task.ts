import { fork } from 'node:child_process';
import { once } from 'node:events';
import { AppError, type ErrorCode } from '../../errors.ts';

/** What a task's process tells its parent. */
export type TaskMessage =
  | { readonly type: 'progress'; readonly value: unknown }
  | { readonly type: 'result'; readonly value: unknown }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly text: string;
      readonly hint?: string | undefined;
    };

export interface RunTaskOptions<Progress> {
  readonly onProgress?: ((value: Progress) => void) | undefined;
  /** Kills the process; the task then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs one task in a process of its own: what it measures is then not shared with the caller's event
 * loop, thread pool and garbage collector. The process ends with its task, with the signal, and with
 * this process.
 * @param module file that calls `serveTask`; the types are its contract with the caller
 * @throws AppError as the task threw it; `internal` where its process died
 */
export async function runTask<Input, Output, Progress = never>(
  module: string,
  input: Input,
  options: RunTaskOptions<Progress> = {},
): Promise<Output> {
  options.signal?.throwIfAborted();
  const child = fork(module, { serialization: 'advanced', execArgv: [] });
  const abort = () => child.kill('SIGKILL');
  options.signal?.addEventListener('abort', abort, { once: true });

  let outcome: Exclude<TaskMessage, { type: 'progress' }> | undefined;
  child.on('message', (message: TaskMessage) => {
    if (message.type === 'progress') options.onProgress?.(message.value as Progress);
    else outcome = message;
  });
  try {
    // 'exit' may come before the last message has been read; 'disconnect' comes after it.
    const ended = Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
    child.send({ input });
    await ended;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
  options.signal?.throwIfAborted();
  if (outcome?.type === 'result') return outcome.value as Output;
  if (outcome) throw new AppError(outcome.code, { text: outcome.text, hint: outcome.hint });
  throw new AppError('internal', { text: 'A measuring process ended without a result.' });
}
