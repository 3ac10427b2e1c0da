import { runTask } from '../child/run-task.ts';
import { siblingModule } from '../child/sibling-module.ts';
import type { LoadPlan, LoadResult, LoadSecond } from './plan.ts';
import { checkPlan, parseTarget } from './target.ts';

export interface ForkLoadOptions {
  readonly onSecond?: ((second: LoadSecond) => void) | undefined;
  /** Ends the generator at once; the run then rejects. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a load in a process of its own, so that neither the caller's event loop nor its garbage
 * collector is in the figures.
 * @throws AppError `usage` for a refused plan, `internal` where the generator died
 */
export async function forkLoad(plan: LoadPlan, options: ForkLoadOptions = {}): Promise<LoadResult> {
  checkPlan(plan);
  parseTarget(plan.url);
  return runTask<LoadPlan, LoadResult, LoadSecond>(
    siblingModule('./generator-process', import.meta.url),
    plan,
    { onProgress: options.onSecond, signal: options.signal },
  );
}
