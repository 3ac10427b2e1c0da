import { expect, test } from 'vitest';
import { compareTimes, mannWhitney, median } from '../../../scripts/timing/statistics.ts';

/** Times that scatter alike, `byMs` later. */
function times(byMs: number, offset = 0): number[] {
  return Array.from(
    { length: 400 },
    (_, index) => 20 + (((index + offset) * 37) % 101) / 50 + byMs,
  );
}

test('the median of an even and an odd number of times', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test('Mann–Whitney: textbook values, with and without ties', () => {
  expect(mannWhitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])).toBeCloseTo(0.00902, 4);
  expect(mannWhitney([1, 1, 2, 2], [1, 1, 2, 2])).toBeCloseTo(1, 4);
  expect(mannWhitney([5, 5], [5, 5])).toBe(1);
});

test('what differs by nothing passes, and the attacker has no more than a coin', () => {
  const found = compareTimes(times(0), times(0, 17));
  expect(found.isPassed).toBe(true);
  expect(found.attackerAccuracy).toBeLessThan(0.6);
  expect(found.pValue).toBeGreaterThan(0.05);
});

test('what differs by two milliseconds fails, and the attacker is always right', () => {
  const found = compareTimes(times(0), times(2));
  expect(found.isPassed).toBe(false);
  expect(found.differenceMs).toBeCloseTo(2, 1);
  expect(found.attackerAccuracy).toBeGreaterThan(0.99);
  expect(found.pValue).toBeLessThan(0.001);
});

test('a difference in the mean alone is found, too: the attacker sees what the median hides', () => {
  const slowAtTimes = times(0, 17).map((ms, index) => (index % 10 < 4 ? ms + 3 : ms));
  expect(compareTimes(times(0), slowAtTimes).isPassed).toBe(false);
});
