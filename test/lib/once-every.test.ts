import { expect, test } from 'vitest';
import { onceEvery } from '../../src/lib/once-every.ts';

test('lets the first through, then one when the time has passed since the last', () => {
  let nowMs = 5;
  const isDue = onceEvery(100, { now: () => new Date(), monotonicMs: () => nowMs });
  const at = (ms: number) => {
    nowMs = ms;
    return isDue();
  };
  expect([5, 6, 104, 105, 150, 205, 1_000, 1_001].map(at)).toEqual([
    true,
    false,
    false,
    true,
    false,
    true,
    true,
    false,
  ]);
});
