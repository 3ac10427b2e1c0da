import { fork } from 'node:child_process';
import { once } from 'node:events';
import { AppError, type ErrorCode } from '../../errors.ts';
import { siblingModule } from '../sibling-module.ts';
import type { LoadPlan, LoadResult, LoadSecond } from './plan.ts';
import { checkPlan, parseTarget } from './target.ts';

/** What the generator's process tells its parent. */
export type GeneratorMessage =
  | { readonly type: 'second'; readonly second: LoadSecond }
  | { readonly type: 'result'; readonly result: LoadResult }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly text: string;
      readonly hint?: string | undefined;
    };

export interface ForkLoadOptions {
  readonly onSecond?: (second: LoadSecond) => void;
  /** Ends the generator at once; the run then rejects. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a load in a process of its own, so that neither the caller's event loop nor its garbage
 * collector is in the figures. The process ends with the run, with the signal, and with its parent.
 * @throws AppError `usage` for a refused plan, `internal` where the generator died
 */
export async function forkLoad(plan: LoadPlan, options: ForkLoadOptions = {}): Promise<LoadResult> {
  checkPlan(plan);
  parseTarget(plan.url);
  options.signal?.throwIfAborted();
  const child = fork(siblingModule('./generator-process', import.meta.url), {
    serialization: 'advanced',
    execArgv: [],
  });
  const abort = () => child.kill('SIGKILL');
  options.signal?.addEventListener('abort', abort, { once: true });

  let outcome: Exclude<GeneratorMessage, { type: 'second' }> | undefined;
  child.on('message', (message: GeneratorMessage) => {
    if (message.type === 'second') options.onSecond?.(message.second);
    else outcome = message;
  });
  try {
    // 'exit' may come before the last message has been read; 'disconnect' comes after it.
    const ended = Promise.all([once(child, 'exit'), once(child, 'disconnect')]);
    child.send(plan);
    await ended;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
  options.signal?.throwIfAborted();
  if (outcome?.type === 'result') return outcome.result;
  const { code, text, hint } = outcome ?? {
    code: 'internal' as const,
    text: 'The load generator ended without a result.',
    hint: undefined,
  };
  throw new AppError(code, { text, hint });
}
