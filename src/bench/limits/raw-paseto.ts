import { runTask } from '../child/run-task.ts';
import { siblingModule } from '../child/sibling-module.ts';

export interface RawPasetoInput {
  /** `sign` is the ceiling of refreshing, `verify` that of requests whose token is new to the node. */
  readonly operation: 'sign' | 'verify';
  /** Operations kept in flight, as many as requests would be. */
  readonly inFlight: number;
  readonly durationMs: number;
}

export interface RawPasetoRate {
  readonly perSecond: number;
}

/** Measures how many access tokens a second one process signs or verifies with nothing around it. */
export function measureRawPaseto(
  input: RawPasetoInput,
  signal?: AbortSignal,
): Promise<RawPasetoRate> {
  return runTask(siblingModule('./raw-paseto-process', import.meta.url), input, { signal });
}
