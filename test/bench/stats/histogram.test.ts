import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHistogram } from '../../../src/bench/stats/histogram.ts';
import { summariseLatency } from '../../../src/bench/stats/latency.ts';

const microseconds = fc.oneof(
  fc.nat(300),
  fc.nat(1_000_000),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }),
);
const samples = fc.array(microseconds, { minLength: 1, maxLength: 400 });
const shares = [0.001, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

function exactPercentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1]!;
}

function filled(values: readonly number[]) {
  const histogram = createHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe('histogram', () => {
  it('gives every percentile within 1/128 of the exact one, and never below it', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const histogram = filled(values);
        for (const share of shares) {
          const exact = exactPercentile(values, share);
          const read = histogram.percentile(share);
          expect(read).toBeGreaterThanOrEqual(exact);
          expect(read).toBeLessThanOrEqual(exact * (1 + 1 / 128));
        }
      }),
    );
  });

  it('knows count, sum, minimum and maximum exactly', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const { count, sum, min, max } = filled(values).snapshot();
        expect(count).toBe(values.length);
        expect(sum).toBe(values.reduce((a, b) => a + b, 0));
        expect(min).toBe(Math.min(...values));
        expect(max).toBe(Math.max(...values));
      }),
    );
  });

  it('merged from two snapshots is the histogram of both', () => {
    fc.assert(
      fc.property(samples, samples, (left, right) => {
        const merged = filled(left);
        merged.merge(filled(right).snapshot());
        expect(merged.snapshot()).toEqual(filled([...left, ...right]).snapshot());
      }),
    );
  });

  it('reads 0 while empty, and after a reset', () => {
    const histogram = filled([5, 7]);
    histogram.reset();
    expect(histogram.percentile(0.99)).toBe(0);
    expect(histogram.snapshot()).toEqual(createHistogram().snapshot());
    expect(summariseLatency()).toMatchObject({ count: 0, mean: 0, min: 0, p99: 0, max: 0 });
  });

  it('keeps what is out of range at the edge instead of losing it', () => {
    const { count, min, max } = filled([-5, 2 ** 40]).snapshot();
    expect({ count, min, max }).toEqual({ count: 2, min: 0, max: 2 ** 31 - 1 });
  });

  it('summarises in milliseconds', () => {
    const { snapshot } = filled([1_000, 2_000, 3_000]);
    expect(summariseLatency(snapshot())).toMatchObject({ count: 3, mean: 2, min: 1, max: 3 });
  });
});
