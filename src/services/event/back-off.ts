const FIRST_MS = 1_000;
const LONGEST_MS = 10 * 60_000;

/**
 * How long an event waits after a failed try: one second, doubling up to ten minutes. The default of
 * twenty tries spans almost two hours.
 * @param tries those made so far, from 1
 */
export function eventDelayMs(tries: number): number {
  // 2 ** 10 seconds is past the longest wait; more would only overflow.
  return Math.min(FIRST_MS * 2 ** Math.min(tries - 1, 10), LONGEST_MS);
}
