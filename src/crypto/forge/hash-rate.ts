/** What one hash is taken to cost until the first is measured: 19 MiB on a slow core. */
const ASSUMED_HASH_MS = 50;
/** A clock too coarse to see a hash must not make the queue endless. */
const LEAST_HASH_MS = 0.1;
/** Weight of the newest duration in the moving average: about the last ten count. */
const NEWEST_WEIGHT = 0.2;

/** How many hashes a second `slots` of them make, by a moving average of what one takes. */
export function createHashRate(slots: number) {
  let meanMs: number | undefined;
  return {
    measure(tookMs: number): void {
      meanMs = meanMs === undefined ? tookMs : meanMs + NEWEST_WEIGHT * (tookMs - meanMs);
    },
    perSecond: () => (slots * 1_000) / Math.max(meanMs ?? ASSUMED_HASH_MS, LEAST_HASH_MS),
  };
}
