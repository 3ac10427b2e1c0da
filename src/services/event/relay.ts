import { withJitter } from '../../crypto/random.ts';
import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { NO_TRACER, type Tracer } from '../../lib/tracer.ts';
import { SYSTEM_ACTOR } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';
import { eventDelayMs } from './back-off.ts';
import { type Published, publishTo } from './publish.ts';
import type { Sink } from './sinks/sink.ts';
import { type ClaimedEvent, eventStore, type Settlement } from './store.ts';

export interface RelayDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Logger;
  /** An event is published when all of them have confirmed it. */
  readonly sinks: readonly Sink[];
  /** Tries before an event is set aside. */
  readonly maxTries: number;
  /** How long one try may take in all. */
  readonly deadlineMs: number;
  /** How long an event waits after so many tries. */
  readonly delayMs?: (tries: number) => number;
  readonly tracer?: Tracer | undefined;
}

export interface RelayRound {
  /** Events taken; 0 means that there was nothing to do. */
  readonly claimed: number;
  readonly published: number;
}

export type Relay = ReturnType<typeof createRelay>;

/**
 * The outbox's reading end: events go out at least once, a user's in order, by any number of relays.
 * An event is claimed for a time, published outside of any transaction, then marked. A relay that
 * dies in between leaves it to the next, and the receiver sees the same id twice.
 */
export function createRelay(deps: RelayDeps) {
  const { db, clock, log, sinks, maxTries, deadlineMs, delayMs = eventDelayMs } = deps;
  const { tracer = NO_TRACER } = deps;
  // Twice the longest try: nobody else may start while a slow answer is still being written down.
  const leaseMs = deadlineMs * 2;

  function judge({ event, confirmedBy, failure }: Published, isStopping: boolean): Settlement {
    const common = { event, confirmedBy, error: failure, delayMs: null };
    if (failure === null) return { ...common, state: 'published' };
    if (isStopping) return { ...common, state: 'released' };
    if (event.attempts >= maxTries) return { ...common, state: 'dead' };
    return { ...common, state: 'waiting', delayMs: withJitter(delayMs(event.attempts)) };
  }

  /** Gives events up on record, in the transaction that gives them up. */
  function settle(settlements: readonly Settlement[]): Promise<Set<string>> {
    const dead = settlements.filter(({ state }) => state === 'dead');
    if (dead.length === 0) return eventStore.settle(db, settlements);
    return db.transaction(async (tx) => {
      const settled = await eventStore.settle(tx, settlements);
      for (const { event, error } of dead) {
        if (!settled.has(event.id)) continue;
        await recordAudit(tx, {
          at: clock.now(),
          action: 'event.given_up',
          actor: SYSTEM_ACTOR,
          result: 'refused',
          userId: event.user_id ?? undefined,
          detail: { event_id: event.id, type: event.type, tries: event.attempts, reason: error },
        });
      }
      return settled;
    });
  }

  function report(settlements: readonly Settlement[], settled: ReadonlySet<string>): void {
    for (const { event, state, error } of settlements) {
      const facts = { eventId: event.id, type: event.type, tries: event.attempts, reason: error };
      if (!settled.has(event.id)) log.warn(facts, 'event was taken over by another relay');
      else if (state === 'dead') log.error(facts, 'event given up');
      else if (state === 'waiting') log.warn(facts, 'event not published, will retry');
    }
  }

  function publish(events: readonly ClaimedEvent[], deadline: AbortSignal) {
    return tracer.step('events.publish', { kind: 'client' }, () =>
      publishTo(sinks, events, deadline),
    );
  }

  async function relayAll(
    events: readonly ClaimedEvent[],
    signal: AbortSignal,
  ): Promise<RelayRound> {
    // A relay died in the middle of the last try: what became of it is unknown.
    const [exhausted, live] = partition(events, (event) => event.attempts > maxTries);
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]);
    const results = live.length > 0 ? await publish(live, deadline) : [];
    const settlements = [
      ...exhausted.map(interrupted),
      ...results.map((result) => judge(result, signal.aborted)),
    ];
    const settled = await settle(settlements);
    report(settlements, settled);
    const published = results.filter(({ failure }) => failure === null).length;
    return { claimed: events.length, published };
  }

  return {
    /**
     * Claims up to `limit` events, publishes them and writes down what became of each.
     * @param signal abort gives what is not confirmed back at once, untried
     * @throws whatever the database throws; events under way are then published again after the lease
     */
    async relayBatch(limit: number, signal: AbortSignal): Promise<RelayRound> {
      const events = await eventStore.claim(db, limit, leaseMs);
      if (events.length === 0) return { claimed: 0, published: 0 };
      const facts = { 'authctl.rows': events.length };
      return tracer.trace('events.relay_batch', { facts }, () => relayAll(events, signal));
    },
  };
}

function interrupted(event: ClaimedEvent): Settlement {
  const error = 'every try was interrupted';
  return { event, state: 'dead', delayMs: null, error, confirmedBy: event.confirmed_by };
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}
