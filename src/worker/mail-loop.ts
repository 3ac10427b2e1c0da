import type { Db } from '../db/database.ts';
import type { Logger } from '../lib/logger.ts';
import type { Delivery } from '../services/mail/deliver.ts';
import { createWaiter } from './waiter.ts';

export type MailLoop = ReturnType<typeof createMailLoop>;

export interface MailLoopDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly delivery: Delivery;
  /** Mails sent at once. */
  readonly concurrency: number;
  readonly pollMs?: number;
  /** How long mails under way may still take when asked to stop. */
  readonly graceMs?: number;
}

const POLL_MS = 2_000;
const GRACE_MS = 5_000;

/**
 * Sends mails as they come: woken by a notification, by a mail that is done, or by the poll (retries
 * and lost notifications). Only as many are claimed as can be sent at once, so a mail server that
 * stalls holds up `concurrency` mails and no lease runs out in a queue of ours.
 */
export function createMailLoop(deps: MailLoopDeps) {
  const { db, log, delivery, concurrency } = deps;

  return {
    /** Runs until aborted; mails under way then have `graceMs` left and are given back after that. */
    async run(signal: AbortSignal): Promise<void> {
      const waiter = createWaiter(deps.pollMs ?? POLL_MS, signal);
      const giveUp = new AbortController();
      const underWay = new Set<Promise<void>>();

      function start(mail: Parameters<Delivery['deliver']>[0]): void {
        const work = delivery.deliver(mail, giveUp.signal).then(() => {
          underWay.delete(work);
          waiter.wake();
        });
        underWay.add(work);
      }

      const subscription = db.listen('authctl_mail', waiter.wake);
      try {
        while (!signal.aborted) {
          const free = concurrency - underWay.size;
          if (free > 0) for (const mail of await claim(free)) start(mail);
          await waiter.wait();
        }
      } finally {
        await subscription.close();
        const timer = setTimeout(() => giveUp.abort(), deps.graceMs ?? GRACE_MS);
        await Promise.all(underWay);
        clearTimeout(timer);
      }
    },
  };

  async function claim(limit: number) {
    try {
      return await delivery.claim(limit);
    } catch (error) {
      log.warn({ err: error }, 'sending mail paused');
      return [];
    }
  }
}
