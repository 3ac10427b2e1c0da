import type { Clock } from '../../src/lib/clock.ts';

export interface TestClock extends Clock {
  /** Moves both times on (or, with a negative number, the wall clock alone back). */
  advance(milliseconds: number): void;
}

/** A clock that runs like the real one and can be moved: databases compare with their own time too. */
export function createTestClock(): TestClock {
  let offsetMs = 0;
  let monotonicOffsetMs = 0;
  return {
    now: () => new Date(Date.now() + offsetMs),
    monotonicMs: () => performance.now() + monotonicOffsetMs,
    advance(milliseconds) {
      offsetMs += milliseconds;
      monotonicOffsetMs += Math.max(0, milliseconds);
    },
  };
}
