import type { Clock } from './clock.ts';

export interface EventLoopWatch {
  /**
   * Whether the loop has been late for a while: there is more to do than this process can, or it does not
   * get the CPU. A single pause, as of a machine that slept, is none: afterwards there is room again.
   */
  isLate(): boolean;
  close(): void;
}

/** Four a second: an idle process should sleep. */
const INTERVAL_MS = 250;
/** Callers who have waited longer have mostly given up; working for them keeps the next ones waiting. */
const LATE_MS = 1_000;
const LATE_IN_A_ROW = 2;

/**
 * Measures by how much the event loop is late for its timers.
 * @param observe told of each measurement, in seconds
 */
export function watchEventLoop(
  clock: Pick<Clock, 'monotonicMs'>,
  observe: (delaySeconds: number) => void,
): EventLoopWatch {
  let dueMs = clock.monotonicMs() + INTERVAL_MS;
  let lateInARow = 0;
  const timer = setInterval(() => {
    const nowMs = clock.monotonicMs();
    const delayMs = Math.max(0, nowMs - dueMs);
    dueMs = nowMs + INTERVAL_MS;
    lateInARow = delayMs > LATE_MS ? lateInARow + 1 : 0;
    observe(delayMs / 1_000);
  }, INTERVAL_MS);
  timer.unref();
  return { isLate: () => lateInARow >= LATE_IN_A_ROW, close: () => clearInterval(timer) };
}
