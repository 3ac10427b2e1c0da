import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import { SYSTEM_ACTOR } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { Events } from '../event/events.ts';

export interface RemoveUnverifiedDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly events: Events;
  /** Never-verified accounts are removed after this long. */
  readonly ttlMs: number;
}

// Their flows are not looked for: they open nothing any more, and expire within minutes.
const REMOVE = statement(
  'sweep.unverified_users',
  `DELETE FROM users WHERE id IN (
     SELECT id FROM users
     WHERE status = 'pending' AND email_verified_at IS NULL
       AND created_at < now() - make_interval(secs => $2::float8 / 1000)
     LIMIT $1 FOR UPDATE SKIP LOCKED)
   RETURNING id`,
);

/**
 * Removes accounts whose mailbox was never proved, at most `limit` at once. Each leaves its record, and
 * subscribers that heard of its registration hear that it is gone, in the same transaction.
 * @returns how many went
 */
export function createRemoveUnverified({ db, clock, events, ttlMs }: RemoveUnverifiedDeps) {
  return (limit: number): Promise<number> =>
    db.transaction(async (tx) => {
      const removed = await tx.query<{ id: string }>(REMOVE, [limit, ttlMs]);
      const at = clock.now();
      const deletion = { at, action: 'user.deleted', actor: SYSTEM_ACTOR };
      for (const { id: userId } of removed) {
        await recordAudit(tx, { ...deletion, userId, detail: { reason: 'never_verified' } });
        await events.record(tx, { type: 'user.deleted', userId });
      }
      return removed.length;
    });
}
