/** What the times of two classes of requests, in milliseconds, tell an attacker apart by. */
export interface Comparison {
  readonly medianMs: number;
  /** The other median minus this one. */
  readonly differenceMs: number;
  /** Two-sided, by Mann–Whitney's U: how likely so much difference is where there is none. */
  readonly pValue: number;
  /** How often an attacker who averages 20 probes guesses the class right; 0.5 is a coin. */
  readonly attackerAccuracy: number;
  /** The differences are too small to use, and so is what the attacker gets. */
  readonly isPassed: boolean;
}

const PROBES = 20;
const TRIALS = 4_000;
const LARGEST_ACCURACY = 0.6;
/** A connection and its code warm up: the first of each class are not looked at. */
const WARM_UP = 0.05;

/** Compares a class with the one it must not be told from. */
export function compareTimes(reference: readonly number[], other: readonly number[]): Comparison {
  const [a, b] = [settled(reference), settled(other)];
  const medianMs = median(b);
  const differenceMs = medianMs - median(a);
  const attackerAccuracy = guess(a, b);
  const allowedMs = Math.max(1, 0.03 * median(a));
  const isPassed = Math.abs(differenceMs) < allowedMs && attackerAccuracy <= LARGEST_ACCURACY;
  return { medianMs, differenceMs, pValue: mannWhitney(a, b), attackerAccuracy, isPassed };
}

export function settled(times: readonly number[]): readonly number[] {
  return times.slice(Math.ceil(times.length * WARM_UP));
}

export function median(times: readonly number[]): number {
  const sorted = times.toSorted((x, y) => x - y);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}

/** Mann and Whitney 1947, normal approximation with the correction for ties. */
export function mannWhitney(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((ms) => ({ ms, isA: true })), ...b.map((ms) => ({ ms, isA: false }))];
  all.sort((x, y) => x.ms - y.ms);
  let rankSum = 0;
  let ties = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]!.ms === all[from]!.ms) to += 1;
    const size = to - from;
    const rank = (from + 1 + to) / 2;
    rankSum += rank * all.slice(from, to).filter(({ isA }) => isA).length;
    ties += size ** 3 - size;
    from = to;
  }
  const n = all.length;
  const u = rankSum - (a.length * (a.length + 1)) / 2;
  const mean = (a.length * b.length) / 2;
  const variance = ((a.length * b.length) / 12) * (n + 1 - ties / (n * (n - 1)));
  return variance === 0 ? 1 : 2 * upperTail(Math.abs(u - mean) / Math.sqrt(variance));
}

/** Area of the normal distribution beyond z: Abramowitz and Stegun 26.2.17, to 7.5e-8. */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const weights = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const sum = weights.reduce((total, weight, power) => total + weight * t ** (power + 1), 0);
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}

/**
 * The attacker: learns a threshold between the means of 20 probes of each class on one half of
 * the measurements, then guesses the other half by it.
 */
function guess(a: readonly number[], b: readonly number[]): number {
  const [learntA, learntB] = [sampleMeans(half(a, 0)), sampleMeans(half(b, 0))];
  const [metA, metB] = [sampleMeans(half(a, 1)), sampleMeans(half(b, 1))];
  let best = { threshold: 0, accuracy: 0, isBHigher: true };
  for (const threshold of [...learntA, ...learntB]) {
    const accuracy = accuracyAt(threshold, learntA, learntB);
    if (accuracy > best.accuracy) best = { threshold, accuracy, isBHigher: true };
    if (1 - accuracy > best.accuracy)
      best = { threshold, accuracy: 1 - accuracy, isBHigher: false };
  }
  const accuracy = accuracyAt(best.threshold, metA, metB);
  return best.isBHigher ? accuracy : 1 - accuracy;
}

/** How often "b, where it is above" is right. */
function accuracyAt(threshold: number, a: readonly number[], b: readonly number[]): number {
  const right = a.filter((ms) => ms <= threshold).length + b.filter((ms) => ms > threshold).length;
  return right / (a.length + b.length);
}

/** By pairs: what was measured on the way there and on the way back of a block stays together. */
const half = (times: readonly number[], parity: number) =>
  times.filter((_, index) => (index >> 1) % 2 === parity);

/** Means of 20 drawn with replacement, by a generator of fixed seed: one report, one result. */
function sampleMeans(times: readonly number[]): number[] {
  const draw = createGenerator(times.length);
  return Array.from({ length: TRIALS / 4 }, () => {
    let sum = 0;
    for (let probe = 0; probe < PROBES; probe += 1) sum += times[draw() % times.length]!;
    return sum / PROBES;
  });
}

/** xorshift32 (Marsaglia 2003). */
function createGenerator(seed: number): () => number {
  let state = seed * 2_654_435_769 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
