import type { Clock } from './clock.ts';

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;

/**
 * Tries until it works or the deadline has passed, with a delay that doubles; then throws the last
 * error.
 */
export async function retryUntil<T>(
  work: () => Promise<T>,
  options: { deadlineMs: number; clock: Clock; onRetry?: (error: unknown) => void },
): Promise<T> {
  const { clock, deadlineMs } = options;
  const giveUpAt = clock.monotonicMs() + deadlineMs;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)) {
    try {
      return await work();
    } catch (error) {
      if (clock.monotonicMs() + delayMs >= giveUpAt) throw error;
      options.onRetry?.(error);
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}
