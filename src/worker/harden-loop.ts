import type { Db } from '../db/database.ts';
import type { Logger } from '../lib/logger.ts';
import type { Drain } from '../services/credential/drain.ts';
import type { Nodes } from '../services/node/nodes.ts';
import { createWaiter } from './waiter.ts';

export interface HardenLoopDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly drain: Drain;
  readonly nodes: Nodes;
  /** This machine's name: requests waiting on it go first. */
  readonly host: string;
  /** Slots of this process's Forge. */
  readonly slots: number;
  readonly pollMs?: number;
}

/** Batches under way at once: the next is claimed and written while the other hashes. */
const BATCHES = 2;
/** Rows claimed at once for each slot: a few tenths of a second of work. */
const ROWS_PER_SLOT = 16;
const POLL_MS = 2_000;
const YIELD_MS = 250;

/**
 * Hardens pending credentials as they come: woken by a notification, or by the poll when one was
 * lost. While requests on this host wait for a hash, it waits too.
 */
export function createHardenLoop(deps: HardenLoopDeps) {
  const { db, log, drain, nodes, host } = deps;
  const limit = deps.slots * ROWS_PER_SLOT;

  async function drainAll(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (await nodes.isHostBusy(host)) {
        await pause(YIELD_MS, signal);
        continue;
      }
      const { claimed } = await drain.drainBatch(limit, signal);
      if (claimed === 0) return;
    }
  }

  return {
    /** Runs until aborted; rows under way are then left to others at once. */
    async run(signal: AbortSignal): Promise<void> {
      const waiter = createWaiter(deps.pollMs ?? POLL_MS, signal);
      const subscription = db.listen('authctl_hash', waiter.wake);
      try {
        while (!signal.aborted) {
          const runs = Array.from({ length: BATCHES }, () => drainAll(signal));
          for (const run of await Promise.allSettled(runs))
            if (run.status === 'rejected' && !signal.aborted)
              log.warn({ err: run.reason }, 'hardening paused');
          await waiter.wait();
        }
      } finally {
        await subscription.close();
      }
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const waiter = createWaiter(ms, signal);
  return waiter.wait();
}
