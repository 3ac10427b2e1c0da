import type { Db } from '../db/database.ts';
import type { Logger } from '../lib/logger.ts';
import type { Relay } from '../services/event/relay.ts';
import { createWaiter, type Waiter } from './waiter.ts';

export interface RelayLoopDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly relay: Relay;
  /** Events of one round. */
  readonly batch: number;
  readonly pollMs?: number;
  /** How long rounds under way may still take when asked to stop. */
  readonly graceMs?: number;
}

/** Rounds under way at once: one that waits for a slow answer does not hold up the others. */
const LANES = 4;
const POLL_MS = 1_000;
const GRACE_MS = 5_000;
const FIRST_REST_MS = 500;
const LONGEST_REST_MS = 30_000;

/**
 * Relays events as they come: woken by a notification, or by the poll (retries and lost
 * notifications). When a round publishes nothing, the receiver is probably away: a lane then rests,
 * longer each time, and probes with a single event, so that an outage uses up the tries of few.
 */
export function createRelayLoop(deps: RelayLoopDeps) {
  const { db, log, relay, batch } = deps;

  async function runLane(waiter: Waiter, stop: AbortSignal, giveUp: AbortSignal): Promise<void> {
    let restMs = 0;
    while (!stop.aborted) {
      const { claimed, published } = await relayBatch(restMs > 0 ? 1 : batch, giveUp);
      if (claimed === 0) {
        await waiter.wait();
        continue;
      }
      restMs = published > 0 ? 0 : Math.min(Math.max(restMs * 2, FIRST_REST_MS), LONGEST_REST_MS);
      if (restMs > 0) await createWaiter(restMs, stop).wait();
    }
  }

  async function relayBatch(limit: number, giveUp: AbortSignal) {
    try {
      return await relay.relayBatch(limit, giveUp);
    } catch (error) {
      log.warn({ err: error }, 'relaying events paused');
      return { claimed: 0, published: 0 };
    }
  }

  return {
    /** Runs until aborted; rounds under way then have `graceMs` left and are given back after that. */
    async run(stop: AbortSignal): Promise<void> {
      const giveUp = new AbortController();
      const waiters = Array.from({ length: LANES }, () =>
        createWaiter(deps.pollMs ?? POLL_MS, stop),
      );
      const subscription = db.listen('authctl_events', () => {
        for (const waiter of waiters) waiter.wake();
      });
      let grace: NodeJS.Timeout | undefined;
      const endGrace = () => {
        grace = setTimeout(() => giveUp.abort(), deps.graceMs ?? GRACE_MS);
      };
      stop.addEventListener('abort', endGrace, { once: true });
      try {
        await Promise.all(waiters.map((waiter) => runLane(waiter, stop, giveUp.signal)));
      } finally {
        stop.removeEventListener('abort', endGrace);
        clearTimeout(grace);
        await subscription.close();
      }
    },
  };
}
