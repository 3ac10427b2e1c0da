import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './clock.ts';

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

export interface RetryOptions {
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** Whether trying again may help; an error of another kind is thrown at once. Default: always. */
  readonly isPassing?: (error: unknown) => boolean;
  readonly onRetry?: (error: unknown) => void;
  /** Gives up as soon as it aborts, with the last error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries until it works or the deadline has passed, with a delay that doubles; then throws the last
 * error.
 */
export async function retryUntil<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, deadlineMs, isPassing = () => true, signal } = options;
  const giveUpAt = clock.monotonicMs() + deadlineMs;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
    try {
      return await work();
    } catch (error) {
      const isLast = signal?.aborted || clock.monotonicMs() + delayMs >= giveUpAt;
      if (isLast || !isPassing(error)) throw error;
      options.onRetry?.(error);
    }
    // Cut short by the signal; the next try is then the last.
    await sleep(delayMs, undefined, signal && { signal }).catch(() => undefined);
  }
}
