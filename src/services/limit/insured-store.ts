import type { Clock } from '../../lib/clock.ts';
import { withDeadline } from '../../lib/deadline.ts';
import type { Logger } from '../../lib/logger.ts';
import type { CounterStore, Hit, Reservation } from './counter-store.ts';

export interface InsuredStoreOptions {
  /** The store all processes share. */
  readonly shared: CounterStore;
  /** What stands in while the shared store is away. */
  readonly local: CounterStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Waits no longer than this for the shared store; null: it has a limit of its own. */
  readonly timeoutMs: number | null;
}

export interface InsuredStore extends CounterStore {
  /** Whether the local counters stand in at the moment. */
  isLocal(): boolean;
}

/** While the shared store is away, one call in this time finds out whether it is back. */
const PROBE_EVERY_MS = 1_000;

/**
 * The shared store, and local counters when it fails: limits go on, per process, and neither a
 * guesser nor a good user gains or loses everything. It returns to the shared store by itself.
 *
 * Counts are not copied either way. An outage therefore grants at most one more budget per process,
 * and the next outage in the same window none, as local counters stay.
 */
export function createInsuredStore(options: InsuredStoreOptions): InsuredStore {
  const { shared, local, clock, log, timeoutMs } = options;
  let isAway = false;
  let nextProbeMs = Number.NEGATIVE_INFINITY;

  /** What the shared store answers; null when it cannot, or is not asked because it just could not. */
  async function ask<T>(work: () => Promise<T>): Promise<{ answer: T } | null> {
    if (isAway && clock.monotonicMs() < nextProbeMs) return null;
    // Whoever comes while this call finds out does not wait for it.
    if (isAway) nextProbeMs = clock.monotonicMs() + PROBE_EVERY_MS;
    try {
      const answer = await inTime(work());
      if (isAway) log.info('the limit counters are shared again');
      isAway = false;
      return { answer };
    } catch (error) {
      nextProbeMs = clock.monotonicMs() + PROBE_EVERY_MS;
      if (!isAway) log.warn({ err: error }, 'the limit counters are local: their store failed');
      isAway = true;
      return null;
    }
  }

  function inTime<T>(work: Promise<T>): Promise<T> {
    if (timeoutMs === null) return work;
    return withDeadline(work, timeoutMs, () => `no answer within ${timeoutMs} ms`);
  }

  function insure(hit: Hit): Hit {
    return {
      // A hit that cannot be given back stays counted until its window ends: the safe side.
      async giveBack() {
        await ask(() => hit.giveBack());
      },
    };
  }

  return {
    async reserve(counters, now) {
      let late: Promise<Reservation> | undefined;
      const shareds = await ask(() => {
        late = shared.reserve(counters, now);
        return late;
      });
      if (!shareds) {
        void late?.then(giveBackAll).catch(() => undefined);
        return local.reserve(counters, now);
      }
      const { answer } = shareds;
      return answer.full ? answer : { full: null, hits: answer.hits.map(insure) };
    },
    async clear(counter) {
      await local.clear(counter);
      await ask(() => shared.clear(counter));
    },
    isLocal: () => isAway,
  };
}

/** An answer that came too late was counted locally meanwhile; it must not count twice. */
async function giveBackAll(reservation: Reservation): Promise<void> {
  if (reservation.full) return;
  await Promise.all(reservation.hits.map((hit) => hit.giveBack()));
}
