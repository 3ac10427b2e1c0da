/** Buckets a power of two is divided into: a percentile is off by at most 1/128 (0.8 %). */
const SUB_BUCKETS = 128;
const SUB_BITS = 7;
/** Values are whole microseconds; anything longer than this (35 minutes) counts as this long. */
const MAX_VALUE = 2 ** 31 - 1;
const BUCKETS = (31 - SUB_BITS + 1) * SUB_BUCKETS;

/** A histogram as it crosses a process border: only the buckets that hold something. */
export interface HistogramSnapshot {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Pairs of bucket index and count. */
  readonly buckets: readonly (readonly [number, number])[];
}

/** Latencies in whole microseconds, logarithmic buckets, constant memory, no allocation to record. */
export interface Histogram {
  record(microseconds: number): void;
  /** Adds what another histogram has recorded. */
  merge(other: HistogramSnapshot): void;
  /**
   * The smallest value that at least `share` of the recorded ones do not exceed (nearest rank),
   * accurate to 1/128; 0 while nothing is recorded.
   * @param share 0 to 1
   */
  percentile(share: number): number;
  snapshot(): HistogramSnapshot;
  reset(): void;
}

export function createHistogram(): Histogram {
  const counts = new Uint32Array(BUCKETS);
  let count = 0;
  let sum = 0;
  let min = MAX_VALUE;
  let max = 0;

  return {
    record(microseconds) {
      const value = Math.min(Math.max(Math.round(microseconds), 0), MAX_VALUE);
      const bucket = bucketOf(value);
      counts[bucket] = counts[bucket]! + 1;
      count += 1;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    },
    merge(other) {
      for (const [bucket, n] of other.buckets) counts[bucket] = counts[bucket]! + n;
      count += other.count;
      sum += other.sum;
      if (other.count === 0) return;
      min = Math.min(min, other.min);
      max = Math.max(max, other.max);
    },
    percentile(share) {
      if (count === 0) return 0;
      const rank = Math.max(1, Math.ceil(share * count));
      let seen = 0;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        seen += counts[bucket]!;
        if (seen >= rank) return Math.min(Math.max(upperEdge(bucket), min), max);
      }
      return max;
    },
    snapshot() {
      const buckets: [number, number][] = [];
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        if (counts[bucket]! > 0) buckets.push([bucket, counts[bucket]!]);
      }
      return { count, sum, min: count === 0 ? 0 : min, max, buckets };
    },
    reset() {
      counts.fill(0);
      count = 0;
      sum = 0;
      min = MAX_VALUE;
      max = 0;
    },
  };
}

/** Values below 256 have a bucket each; above, every power of two is cut into 128 equal parts. */
function bucketOf(value: number): number {
  if (value < 2 * SUB_BUCKETS) return value;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return shift * SUB_BUCKETS + (value >>> shift);
}

/** The largest value that falls into a bucket: a percentile errs towards slow, never towards fast. */
function upperEdge(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  const mantissa = bucket - shift * SUB_BUCKETS;
  return (mantissa + 1) * 2 ** shift - 1;
}
