import { type Db, statement } from '../db/database.ts';
import type { Logger } from '../lib/logger.ts';

/** The channels that workers listen on. */
export type WakeChannel = 'authctl_hash' | 'authctl_mail' | 'authctl_events';

export interface Wake {
  /** Wakes the workers shortly; best called after the commit. Many calls make one notification. */
  soon(): void;
  /** Sends at once what is still due: for a process that stops. */
  flush(): Promise<void>;
}

const NOTIFY = statement('wake.notify', `SELECT pg_notify($1, '')`);
const COALESCE_MS = 100;

/**
 * Tells workers that there is something to do. A notification inside a transaction would take a
 * database-wide lock at every commit, so it is sent afterwards, on its own, at most ten times a
 * second; workers also poll, so a lost one costs a moment and nothing else.
 */
export function createWake(db: Db, channel: WakeChannel, log: Logger): Wake {
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<unknown> = Promise.resolve();

  function send(): void {
    timer = undefined;
    sending = db
      .execute(NOTIFY, [channel])
      .catch((error: unknown) => log.debug({ err: error, channel }, 'wake-up not sent'));
  }

  return {
    soon() {
      if (timer) return;
      timer = setTimeout(send, COALESCE_MS);
      timer.unref();
    },
    async flush() {
      if (timer) {
        clearTimeout(timer);
        send();
      }
      await sending;
    },
  };
}
