import { describe, expect, it } from 'vitest';
import { summariseRepeats } from '../../../src/bench/stats/repeats.ts';

describe('repeats', () => {
  it('quotes the middle run of an odd number, in whatever order they ran', () => {
    expect(summariseRepeats([30, 10, 20])).toMatchObject({ median: 20, min: 10, max: 30 });
  });

  it('quotes the mean of the two middle runs of an even number', () => {
    expect(summariseRepeats([10, 20, 40, 30]).median).toBe(25);
  });

  it('tells the spread as a share of the median', () => {
    expect(summariseRepeats([90, 100, 110]).spread).toBeCloseTo(0.2);
    expect(summariseRepeats([100]).spread).toBe(0);
    expect(summariseRepeats([0, 0]).spread).toBe(0);
  });

  it('refuses to summarise nothing', () => {
    expect(() => summariseRepeats([])).toThrow(TypeError);
  });
});
