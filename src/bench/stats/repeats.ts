/** What several runs of one measurement gave, and how far apart they were. */
export interface Repeats {
  readonly values: readonly number[];
  /** The figure to quote: the middle run, the mean of the two middle ones where the number is even. */
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max - min) / median: how much of a difference is noise. 0 for one run. */
  readonly spread: number;
}

/** @throws TypeError where no run was made */
export function summariseRepeats(values: readonly number[]): Repeats {
  if (values.length === 0) throw new TypeError('summariseRepeats needs at least one value');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  const min = sorted[0]!;
  const max = sorted.at(-1)!;
  return { values, median, min, max, spread: median === 0 ? 0 : (max - min) / median };
}
