import { isUuid } from '../../crypto/random.ts';
import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';

export type EventState = 'waiting' | 'published' | 'dead';

/** An event as operators see it. */
export interface EventRecord {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly user_id: string | null;
  readonly state: EventState;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
  readonly attempts: number;
  /** Null once published or given up. */
  readonly next_attempt_at: Date | null;
  readonly published_at: Date | null;
  readonly dead_at: Date | null;
  readonly last_error: string | null;
}

/** Which events; every part that is given must hold. */
export interface EventFilter {
  readonly ids?: readonly string[] | undefined;
  readonly state?: EventState | undefined;
  readonly type?: string | undefined;
  readonly userId?: string | undefined;
  /** Created at this time or later. */
  readonly since?: Date | undefined;
  /** Created before this time. */
  readonly until?: Date | undefined;
}

const STATE = `CASE WHEN published_at IS NOT NULL THEN 'published'
                    WHEN dead_at IS NOT NULL THEN 'dead' ELSE 'waiting' END`;
const MATCHES = `($1::uuid[] IS NULL OR id = ANY($1)) AND ($2::text IS NULL OR ${STATE} = $2)
     AND ($3::text IS NULL OR type = $3) AND ($4::uuid IS NULL OR user_id = $4)
     AND ($5::timestamptz IS NULL OR created_at >= $5)
     AND ($6::timestamptz IS NULL OR created_at < $6)`;

const LIST = statement(
  'events.list',
  `SELECT id, sequence::float8 AS sequence, type, user_id, ${STATE} AS state, payload, created_at,
          attempts, CASE WHEN published_at IS NULL AND dead_at IS NULL THEN next_attempt_at END
            AS next_attempt_at, published_at, dead_at, last_error
   FROM events WHERE ${MATCHES} ORDER BY sequence DESC LIMIT $7`,
);
// A waiting event is on its way already: its tries and its place in the order are left alone.
const REPLAYABLE = `${MATCHES} AND (published_at IS NOT NULL OR dead_at IS NOT NULL)`;
const COUNT = statement(
  'events.count_replayable',
  `SELECT count(*)::int AS count FROM events WHERE ${REPLAYABLE}`,
);
const REPLAY = statement(
  'events.replay',
  `UPDATE events SET published_at = NULL, dead_at = NULL, attempts = 0, next_attempt_at = NULL,
                     last_error = NULL, confirmed_by = '{}'
   WHERE id IN (SELECT id FROM events WHERE ${REPLAYABLE} AND sequence > $7
                ORDER BY sequence LIMIT $8 FOR UPDATE)
   RETURNING sequence::float8 AS sequence`,
);

/** Rows of one transaction: a long replay neither times out nor holds its locks throughout. */
const REPLAY_BATCH = 5_000;

/** What operators ask about events, and the one thing they can do: have some published again. */
export function createEventRecords({ db, clock }: { db: Db; clock: Clock }) {
  return {
    /** The newest events first. */
    async list(filter: EventFilter, limit: number): Promise<EventRecord[]> {
      if (!isSatisfiable(filter)) return [];
      return db.query<EventRecord>(LIST, [...toValues(filter), limit]);
    },

    /** How many of the events `replay` would publish again. */
    async countReplayable(filter: EventFilter): Promise<number> {
      if (!isSatisfiable(filter)) return 0;
      const rows = await db.query<{ count: number }>(COUNT, toValues(filter));
      return rows[0]!.count;
    },

    /**
     * Queues published and dead events again, with all their tries and the ids they had: receivers
     * that deduplicate see nothing new in those they have. Relays find them when they poll.
     * @returns how many
     */
    async replay(filter: EventFilter, actor: Actor): Promise<number> {
      if (!isSatisfiable(filter)) return 0;
      // What happens from now on was not asked for.
      const until = new Date(Math.min(clock.now().getTime(), filter.until?.getTime() ?? Infinity));
      const values = toValues({ ...filter, until });
      let total = 0;
      // By sequence: a relay may publish the first ones again before the last are queued.
      for (let after = 0; after !== Infinity; ) {
        const replayed = await replayBatch(values, after, actor, describe(filter));
        total += replayed.length;
        after = replayed.length === REPLAY_BATCH ? Math.max(...replayed) : Infinity;
      }
      return total;
    },
  };

  /** @returns the sequence numbers of the events queued again */
  function replayBatch(
    values: readonly unknown[],
    after: number,
    actor: Actor,
    filter: Record<string, unknown>,
  ): Promise<number[]> {
    return db.transaction(async (tx) => {
      const rows = await tx.query<{ sequence: number }>(REPLAY, [...values, after, REPLAY_BATCH]);
      const detail = { ...filter, count: rows.length };
      if (rows.length > 0)
        await recordAudit(tx, { at: clock.now(), action: 'events.replayed', actor, detail });
      return rows.map((row) => row.sequence);
    });
  }
}

/** A malformed id names nothing; PostgreSQL would refuse the statement. */
function isSatisfiable({ ids, userId }: EventFilter): boolean {
  return (ids ?? []).every(isUuid) && (userId === undefined || isUuid(userId));
}

function toValues({ ids, state, type, userId, since, until }: EventFilter): unknown[] {
  return [ids, state, type, userId, since, until].map((value) => value ?? null);
}

function describe({ ids, state, type, userId, since, until }: EventFilter) {
  return { event_ids: ids, state, type, user_id: userId, since, until };
}
