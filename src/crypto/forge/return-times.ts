/** Nobody is sent away for longer, however many came at once. */
const MOST_SECONDS = 10;

export interface ReturnTimes {
  /**
   * When the next refused caller may come back, in whole seconds from now, 1 to 10.
   * @param waitSeconds until there is room for a first one
   * @param intervalSeconds that each of them takes
   */
  next(waitSeconds: number, intervalSeconds: number): number;
}

/**
 * Gives callers that are refused times to come back, one after the other, as fast as they can be
 * served. Told the same time, a crowd would come back as a crowd, and most of it be refused again.
 * The meter is that of the generic cell rate algorithm (ITU-T I.371): one moment, moved on by each.
 * @param clock milliseconds that never go back
 */
export function createReturnTimes(clock: { monotonicMs(): number }): ReturnTimes {
  let lastMs = 0;
  return {
    next(waitSeconds, intervalSeconds) {
      const now = clock.monotonicMs();
      const earliest = Math.max(lastMs, now + waitSeconds * 1_000);
      lastMs = Math.min(earliest + intervalSeconds * 1_000, now + MOST_SECONDS * 1_000);
      return Math.max(1, Math.ceil((lastMs - now) / 1_000));
    },
  };
}
