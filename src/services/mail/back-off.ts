const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Waits between tries. A code lives ten minutes and its reader is waiting: the first six tries fall
 * at 0:00, 0:10, 0:40, 1:40, 3:40 and 5:40, the last of them after the five minutes that most
 * greylisting asks for (RFC 6647). Notices, which do not expire, then outlast a longer fault.
 */
const DELAYS_MS = [
  10 * SECOND,
  30 * SECOND,
  1 * MINUTE,
  2 * MINUTE,
  2 * MINUTE,
  15 * MINUTE,
  1 * HOUR,
] as const;
const LAST_DELAY_MS = 4 * HOUR;

/**
 * How long to wait after a failed try.
 * @param tries those made so far, from 1
 */
export function mailDelayMs(tries: number): number {
  return DELAYS_MS[tries - 1] ?? LAST_DELAY_MS;
}
