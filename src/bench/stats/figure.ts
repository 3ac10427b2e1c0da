import type { Bar, Figure, Limit, Measure } from '../result.ts';
import { summariseRepeats } from './repeats.ts';

interface FigureSpec {
  readonly id: string;
  readonly label: string;
  readonly measure: Measure;
  readonly unit: string;
  /** One value a repeat; the figure is their median. */
  readonly values: readonly number[];
}

/** Makes a figure that stands alone, held to a bar where one is given. */
export function figure(spec: FigureSpec, bar?: (value: number) => Bar): Figure {
  const { values, ...facts } = spec;
  const repeats = summariseRepeats(values);
  const value = repeats.median;
  return { ...facts, value, repeats, ...(bar ? { bar: bar(value) } : {}) };
}

/**
 * Makes a figure beside a ceiling measured in the same run; the bar is on their ratio, which is what
 * carries over to another machine.
 * @param limits one value a repeat, in the order of the figure's values
 */
export function figureOf(
  spec: FigureSpec,
  limitLabel: string,
  limits: readonly number[],
  bar?: (ratio: number) => Bar,
): Figure {
  const limitValue = summariseRepeats(limits).median;
  const limit: Limit = { label: limitLabel, value: limitValue, unit: spec.unit };
  const plain = figure(spec);
  const ratio = limitValue === 0 ? 0 : ratioOf(spec.values, limits);
  return { ...plain, limit, ratio, ...(bar ? { bar: bar(ratio) } : {}) };
}

/** Each run beside its own limit, where it has one: a machine that slowed down meanwhile slowed both. */
function ratioOf(values: readonly number[], limits: readonly number[]): number {
  const isPaired = values.length === limits.length && !limits.includes(0);
  if (!isPaired) return summariseRepeats(values).median / summariseRepeats(limits).median;
  return summariseRepeats(values.map((value, index) => value / limits[index]!)).median;
}

/** @param what follows the number: a unit, or `of the raw Argon2id rate` */
export function atLeast(bound: number, what: string) {
  return (value: number): Bar => ({
    text: `≥ ${bound.toLocaleString('en')} ${what}`.replace(' /', '/').trim(),
    passed: value >= bound,
  });
}

export function atMost(bound: number, what: string) {
  return (value: number): Bar => ({
    text: `≤ ${bound.toLocaleString('en')} ${what}`.replace(' /', '/').trim(),
    passed: value <= bound,
  });
}

/** For counts that must be nothing: errors. */
export function none(): (value: number) => Bar {
  return (value) => ({ text: 'none', passed: value === 0 });
}
