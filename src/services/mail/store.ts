import { type Queryable, statement } from '../../db/database.ts';
import type { Channel, MailKind } from './kinds.ts';

/** A mail that this process may send until its lease ends. */
export interface ClaimedMail {
  readonly id: string;
  readonly kind: MailKind;
  readonly user_id: string | null;
  readonly recipient: string;
  readonly sealed: Buffer;
  readonly data_kid: string;
  readonly message_id: string;
  /** Tries, the one under way included. */
  readonly attempts: number;
  readonly lease_until: Date;
  readonly created_at: Date;
}

// MATERIALIZED: inlined, the subquery may be run more than once and claim more than the limit.
const CLAIM = statement(
  'mails.claim',
  `WITH due AS MATERIALIZED (
     SELECT id FROM mails
     WHERE status = 'queued' AND channel = $4 AND next_attempt_at <= $1
       AND (lease_until IS NULL OR lease_until <= $1)
     ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED)
   UPDATE mails SET attempts = mails.attempts + 1, lease_until = $2 FROM due WHERE mails.id = due.id
   RETURNING mails.id, kind, user_id, recipient, sealed, data_kid, message_id, attempts, lease_until, created_at`,
);

// Every change names the claim it belongs to. A worker that stalled past its lease finds that the
// row has moved on (another try, another lease) and changes nothing.
const CLAIMED_BY_US = `id = $1 AND status = 'queued' AND attempts = $2 AND lease_until = $3`;

const MARK_SENT = statement(
  'mails.mark_sent',
  `UPDATE mails SET status = 'sent', sent_at = $4, sealed = NULL, data_kid = NULL, lease_until = NULL,
                    last_error = NULL
   WHERE ${CLAIMED_BY_US}`,
);
const RESCHEDULE = statement(
  'mails.reschedule',
  `UPDATE mails SET next_attempt_at = $4, last_error = $5, lease_until = NULL WHERE ${CLAIMED_BY_US}`,
);
const BURY = statement(
  'mails.bury',
  `UPDATE mails SET status = 'dead', last_error = $4, lease_until = NULL WHERE ${CLAIMED_BY_US}`,
);
const BURY_AND_ERASE = statement(
  'mails.bury_and_erase',
  `UPDATE mails SET status = 'dead', last_error = $4, lease_until = NULL, sealed = NULL, data_kid = NULL
   WHERE ${CLAIMED_BY_US}`,
);
const WITHDRAW = statement('mails.withdraw', `DELETE FROM mails WHERE ${CLAIMED_BY_US}`);
const RELEASE = statement(
  'mails.release',
  `UPDATE mails SET attempts = attempts - 1, lease_until = NULL WHERE ${CLAIMED_BY_US}`,
);

/** The worker's statements on `mails`; each but `claim` is false where the claim was lost. */
export const mailStore = {
  claim: (on: Queryable, channel: Channel, now: Date, leaseUntil: Date, limit: number) =>
    on.query<ClaimedMail>(CLAIM, [now, leaseUntil, limit, channel]),
  /** Nothing of the content is kept: it may hold a code. */
  markSent: (on: Queryable, mail: ClaimedMail, at: Date) => changed(on, MARK_SENT, mail, at),
  reschedule: (on: Queryable, mail: ClaimedMail, nextAttemptAt: Date, reason: string) =>
    changed(on, RESCHEDULE, mail, nextAttemptAt, reason),
  /** Keeps the content, for `authctl mail retry`. */
  bury: (on: Queryable, mail: ClaimedMail, reason: string) => changed(on, BURY, mail, reason),
  buryAndErase: (on: Queryable, mail: ClaimedMail, reason: string) =>
    changed(on, BURY_AND_ERASE, mail, reason),
  /** Removes a mail that is of no use any more. */
  withdraw: (on: Queryable, mail: ClaimedMail) => changed(on, WITHDRAW, mail),
  /** Gives a mail back untried. */
  release: (on: Queryable, mail: ClaimedMail) => changed(on, RELEASE, mail),
};

async function changed(
  on: Queryable,
  what: Parameters<Queryable['execute']>[0],
  mail: ClaimedMail,
  ...values: readonly unknown[]
): Promise<boolean> {
  const claim = [mail.id, mail.attempts, mail.lease_until];
  return (await on.execute(what, [...claim, ...values])) === 1;
}
