import type { Clock } from '../../src/lib/clock.ts';

export interface ManualClock extends Clock {
  /** Moves both of its times on. */
  advance(milliseconds: number): void;
}

/** A clock that stands still until it is told to move. */
export function createManualClock(start = new Date('2026-03-01T12:00:00Z')): ManualClock {
  let elapsedMs = 0;
  return {
    now: () => new Date(start.getTime() + elapsedMs),
    monotonicMs: () => elapsedMs,
    advance(milliseconds) {
      elapsedMs += milliseconds;
    },
  };
}
