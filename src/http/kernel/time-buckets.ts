import { AppError } from '../../errors.ts';
import type { Result, Route } from './route.ts';

/** Longer than one password hash takes on most machines, and shorter than anybody minds. */
const BUCKET_MS = 50;
/** A timer ends up to this late, or early: what is left is waited for turn by turn. */
const TIMER_PRECISION_MS = 1;
/** Waited for to the microsecond at once; beyond, the queues add far more noise than is left to hide. */
const MOST_EXACT = 2;
/**
 * Held back at once, so that a rush does not wait: beyond, the next lets the one go that has waited
 * longest. When that leaves is then the others' doing, not its own work's.
 */
const MOST_HELD = 32;

/** Does a route's work; what it was answered may come later. */
export type InTimeBucket = (
  route: Pick<Route<never>, 'bucketed'>,
  work: () => Result | Promise<Result>,
) => Promise<Result>;

/**
 * Holds back the answers whose time must not tell whom they are about until a whole number of buckets
 * has passed since `work` began (Köpf and Dürmuth, "A Provably Secure and Efficient Countermeasure
 * against Timing Attacks", CSF 2009, call it bucketing). Such answers cost the same work as it is; this
 * hides the last tenths of a millisecond, as of a row that is there to be read or not.
 *
 * Which they are is the route's to say (`bucketed`); errors count by their status.
 * @param monotonicMs of the same clock as the timers
 */
export function createTimeBuckets(monotonicMs: () => number): InTimeBucket {
  /** Lets go of each that is held back, the oldest first. */
  const held = new Set<() => void>();

  /**
   * A timer counts whole milliseconds from when it is set, so that its end would give away the fraction
   * in which the work ended. Turns of the event loop serve others meanwhile.
   */
  function endOfBucket(startedMs: number): Promise<void> {
    const buckets = Math.ceil((monotonicMs() - startedMs) / BUCKET_MS);
    const endMs = startedMs + buckets * BUCKET_MS;
    const [oldest] = held;
    if (held.size >= MOST_HELD) oldest?.();
    const isExact = held.size < MOST_EXACT;
    return new Promise((resolve) => {
      const letGo = () => {
        held.delete(letGo);
        resolve();
      };
      const wait = () => {
        if (!held.has(letGo)) return;
        const leftMs = endMs - monotonicMs();
        if (leftMs <= 0) letGo();
        else if (leftMs > 2 * TIMER_PRECISION_MS)
          setTimeout(wait, Math.floor(leftMs - TIMER_PRECISION_MS));
        else if (isExact) setImmediate(wait);
        else setTimeout(wait, TIMER_PRECISION_MS);
      };
      held.add(letGo);
      wait();
    });
  }

  return async ({ bucketed }, work) => {
    if (!bucketed) return work();
    const startedMs = monotonicMs();
    try {
      const result = await work();
      if (bucketed.includes(result.status)) await endOfBucket(startedMs);
      return result;
    } catch (error) {
      if (error instanceof AppError && bucketed.includes(error.status))
        await endOfBucket(startedMs);
      throw error;
    }
  };
}
