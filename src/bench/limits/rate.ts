import { systemClock } from '../../lib/clock.ts';

/**
 * Keeps `inFlight` calls under way for a time and counts how many were made.
 * @returns calls a second, those that finished a little late included with their time
 */
export async function measureRate(
  inFlight: number,
  durationMs: number,
  call: () => Promise<unknown>,
): Promise<{ readonly count: number; readonly perSecond: number }> {
  const startedAt = systemClock.monotonicMs();
  const elapsed = () => systemClock.monotonicMs() - startedAt;
  let count = 0;
  async function loop(): Promise<void> {
    while (elapsed() < durationMs) {
      await call();
      count += 1;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop));
  return { count, perSecond: (count * 1_000) / elapsed() };
}
