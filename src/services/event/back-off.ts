const FIRST_MS = 1_000;
const LONGEST_MS = 10 * 60_000;
const JITTER = 0.2;

/**
 * How long an event waits after a failed try: one second, doubling up to ten minutes. The default of
 * twenty tries spans almost two hours.
 * @param tries those made so far, from 1
 * @param random from 0 to 1: spreads events that failed together over a fifth more
 */
export function eventDelayMs(tries: number, random: number): number {
  // 2 ** 10 seconds is past the longest wait; more would only overflow.
  const delayMs = Math.min(FIRST_MS * 2 ** Math.min(tries - 1, 10), LONGEST_MS);
  return Math.round(delayMs * (1 + JITTER * random));
}
