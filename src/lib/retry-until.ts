import type { Clock } from './clock.ts';

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

export interface RetryOptions {
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** Whether trying again may help; an error of another kind is thrown at once. Default: always. */
  readonly isPassing?: (error: unknown) => boolean;
  readonly onRetry?: (error: unknown) => void;
}

/**
 * Tries until it works or the deadline has passed, with a delay that doubles; then throws the last
 * error.
 */
export async function retryUntil<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, deadlineMs, isPassing = () => true } = options;
  const giveUpAt = clock.monotonicMs() + deadlineMs;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || clock.monotonicMs() + delayMs >= giveUpAt) throw error;
      options.onRetry?.(error);
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}
