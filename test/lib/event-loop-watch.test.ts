import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchEventLoop } from '../../src/lib/event-loop-watch.ts';
import { createManualClock } from '../support/manual-clock.ts';

const INTERVAL_MS = 250;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A loop whose timers fire when the test says so. */
function openLoop() {
  const clock = createManualClock();
  const seen: number[] = [];
  const watch = watchEventLoop(clock, (seconds) => seen.push(seconds));
  return {
    watch,
    seen,
    turn(lateMs: number) {
      clock.advance(INTERVAL_MS + lateMs);
      vi.advanceTimersByTime(INTERVAL_MS);
    },
  };
}

test('it tells by how much timers are late', () => {
  const { seen, turn, watch } = openLoop();
  turn(0);
  turn(40);
  turn(2_000);
  turn(-3);
  expect(seen).toEqual([0, 0.04, 2, 0]);
  watch.close();
  turn(0);
  expect(seen).toHaveLength(4);
});

test('a pause is no overload; being late again and again is, until it is over', () => {
  const { watch, turn } = openLoop();
  turn(60_000);
  expect(watch.isLate()).toBe(false);
  turn(0);
  turn(1_200);
  expect(watch.isLate()).toBe(false);
  turn(1_200);
  expect(watch.isLate()).toBe(true);
  turn(1_200);
  expect(watch.isLate()).toBe(true);
  turn(900);
  expect(watch.isLate()).toBe(false);
});
