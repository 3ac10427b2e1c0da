import { expect, test } from 'vitest';
import { eventDelayMs } from '../../../src/services/event/back-off.ts';

test('waits double from a second up to ten minutes, and twenty tries span almost two hours', () => {
  expect([1, 2, 3, 10, 11, 1_000].map(eventDelayMs)).toEqual([
    1_000, 2_000, 4_000, 512_000, 600_000, 600_000,
  ]);
  const untilLast = Array.from({ length: 19 }, (_, index) => eventDelayMs(index + 1));
  const minutes = untilLast.reduce((sum, ms) => sum + ms, 0) / 60_000;
  expect(minutes).toBeGreaterThan(105);
  expect(minutes).toBeLessThan(120);
});
