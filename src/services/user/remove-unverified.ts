import { uuidv7 } from '../../crypto/random.ts';
import { type Db, type Queryable, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
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
// One statement for all of them: registrations of the same addresses wait for this transaction.
const RECORD = statement(
  'audit.insert_removals',
  `INSERT INTO audit (id, at, action, result, actor_kind, user_id, detail)
   SELECT id, $3, 'user.deleted', 'ok', 'system', user_id, '{"reason":"never_verified"}'
   FROM unnest($1::uuid[], $2::uuid[]) AS removed (id, user_id)`,
);
const ANNOUNCE = statement(
  'events.insert_removals',
  `INSERT INTO events (id, type, user_id, payload, created_at)
   SELECT id, 'user.deleted', user_id, '{}', $3
   FROM unnest($1::uuid[], $2::uuid[]) AS removed (id, user_id)`,
);

/**
 * Removes accounts whose mailbox was never proved, at most `limit` at once. Each leaves its record, and
 * subscribers that heard of its registration hear that it is gone, in the same transaction.
 * @returns how many went
 */
export function createRemoveUnverified({ db, clock, events, ttlMs }: RemoveUnverifiedDeps) {
  async function remove(tx: Queryable, limit: number): Promise<number> {
    const removed = await tx.query<{ id: string }>(REMOVE, [limit, ttlMs]);
    if (removed.length === 0) return 0;
    const at = clock.now();
    const users = removed.map(({ id }) => id);
    const drawIds = () => users.map(() => uuidv7(at.getTime()));
    await tx.execute(RECORD, [drawIds(), users, at]);
    if (events.enabled) await tx.execute(ANNOUNCE, [drawIds(), users, at]);
    return removed.length;
  }
  return (limit: number): Promise<number> => db.transaction((tx) => remove(tx, limit));
}
