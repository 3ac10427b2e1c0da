/** The only place that reads the wall clock; everything else is handed a `Clock` or a time. */
export interface Clock {
  /** The current time. */
  now(): Date;
  /** Milliseconds from a point that never goes back: for measuring, never for storing. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};
