import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import { SYSTEM_ACTOR } from './actor.ts';
import { firstIdOf } from './first-id.ts';
import { recordAudit } from './record.ts';

export interface AuditRetentionDeps {
  readonly db: Db;
  readonly clock: Clock;
  /** Records are kept this long at least; 0 for ever. */
  readonly retentionMs: number;
}

const DAY_MS = 86_400_000;

// An id is made at or after the time its record is about: nothing below the bound is younger.
const REMOVE = statement(
  'audit.remove_old',
  `DELETE FROM audit WHERE id IN (
     SELECT id FROM audit WHERE id < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)`,
);

/**
 * Removes audit records beyond their retention, at most `limit` at once, and puts that on record in
 * the same transaction. By whole days (UTC), or each round would leave a record of its own.
 * @returns how many went
 */
export function createAuditRetention({ db, clock, retentionMs }: AuditRetentionDeps) {
  return async (limit: number): Promise<number> => {
    if (retentionMs === 0) return 0;
    const now = clock.now();
    const due = now.getTime() - retentionMs;
    const before = new Date(due - (due % DAY_MS));
    return db.transaction(async (tx) => {
      const removed = await tx.execute(REMOVE, [firstIdOf(before), limit]);
      if (removed === 0) return 0;
      await recordAudit(tx, {
        at: now,
        action: 'audit.removed',
        actor: SYSTEM_ACTOR,
        detail: { removed, before: before.toISOString() },
      });
      return removed;
    });
  };
}
