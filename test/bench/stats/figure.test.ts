import { expect, test } from 'vitest';
import { figureOf } from '../../../src/bench/stats/figure.ts';

const SPEC = { id: 'x', label: 'X', measure: 'throughput', unit: '/s' } as const;

test('each run is held against its own limit where each has one', () => {
  // The machine was half as fast in the second round: both halve, and their ratio stays.
  const figure = figureOf({ ...SPEC, values: [90, 45, 88] }, 'limit', [100, 50, 110]);
  expect(figure.ratio).toBeCloseTo(0.9);
  expect(figure.limit?.value).toBe(100);
  expect(figure.value).toBe(88);
});

test('a figure with another number of limits is held against the middle one', () => {
  expect(figureOf({ ...SPEC, values: [80] }, 'limit', [90, 100, 110]).ratio).toBeCloseTo(0.8);
});

test('beside nothing, the ratio is 0 instead of endless', () => {
  expect(figureOf({ ...SPEC, values: [80] }, 'limit', [0]).ratio).toBe(0);
});
