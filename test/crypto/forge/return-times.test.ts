import { expect, it } from 'vitest';
import { createReturnTimes } from '../../../src/crypto/forge/return-times.ts';
import { createManualClock } from '../../support/manual-clock.ts';

const INTERVAL_SECONDS = 1 / 64;

function createMeter() {
  const clock = createManualClock();
  const { next } = createReturnTimes(clock);
  const refuse = (count: number) => Array.from({ length: count }, () => next(1, INTERVAL_SECONDS));
  return { clock, refuse };
}

it('sends a crowd back as fast as it can be served, not all at once', () => {
  const seconds = createMeter().refuse(192);
  const arrivals = [1, 2, 3, 4, 5].map((at) => seconds.filter((each) => each === at).length);
  expect(arrivals).toEqual([0, 64, 64, 64, 0]);
});

it('counts down as time goes by, and forgets a crowd that has been served', () => {
  const { clock, refuse } = createMeter();
  refuse(192);
  clock.advance(2_000);
  expect(refuse(1)).toEqual([3]);
  clock.advance(60_000);
  expect(refuse(1)).toEqual([2]);
});

it('sends nobody away for longer than ten seconds, nor for none', () => {
  expect(Math.max(...createMeter().refuse(100_000))).toBe(10);
  expect(createReturnTimes(createManualClock()).next(0, 0)).toBe(1);
});
