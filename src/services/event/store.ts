import { type Queryable, statement } from '../../db/database.ts';
import type { SinkName } from './sinks/sink.ts';

/** An event that this process may publish until its lease ends. */
export interface ClaimedEvent {
  readonly id: string;
  /** A bigint, as text. */
  readonly sequence: string;
  readonly type: string;
  readonly user_id: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly created_at: Date;
  /** Tries, the one under way included. */
  readonly attempts: number;
  /** When the lease ends. */
  readonly next_attempt_at: Date;
  readonly confirmed_by: readonly SinkName[];
}

/** What became of a try. */
export interface Settlement {
  readonly event: ClaimedEvent;
  /** `released`: given back untried. */
  readonly state: 'published' | 'waiting' | 'dead' | 'released';
  /** For `waiting`: how long until the next try. */
  readonly delayMs: number | null;
  readonly error: string | null;
  readonly confirmedBy: readonly SinkName[];
}

// The order of a user's events rests on the second condition: only the oldest unpublished one can be
// claimed, and it stays unpublished, so in the way of the others, for as long as somebody holds it.
// While it is under way, next_attempt_at is when its lease ends. Times are the database's, so that
// relays whose clocks differ agree on them. MATERIALIZED: inlined, the subquery may be run more than
// once and claim more than the limit.
const CLAIM = statement(
  'events.claim',
  `WITH due AS MATERIALIZED (
     SELECT e.id FROM events AS e
     WHERE e.published_at IS NULL AND e.dead_at IS NULL
       AND (e.next_attempt_at IS NULL OR e.next_attempt_at <= now())
       AND NOT EXISTS (
         SELECT FROM events AS earlier
         WHERE earlier.user_id = e.user_id AND earlier.sequence < e.sequence
           AND earlier.published_at IS NULL AND earlier.dead_at IS NULL)
     ORDER BY e.sequence LIMIT $1 FOR UPDATE SKIP LOCKED)
   UPDATE events SET attempts = attempts + 1,
                     next_attempt_at = now() + make_interval(secs => $2::float8 / 1000)
   FROM due WHERE events.id = due.id
   RETURNING events.id, sequence, type, user_id, payload, created_at, attempts, next_attempt_at,
             confirmed_by`,
);

// Every change names the claim it belongs to. A relay that stalled past its lease finds that the row
// has moved on (another try, another lease) and changes nothing.
const SETTLE = statement(
  'events.settle',
  `UPDATE events AS e
   SET published_at = CASE WHEN s.state = 'published' THEN now() END,
       dead_at = CASE WHEN s.state = 'dead' THEN now() END,
       attempts = e.attempts - CASE WHEN s.state = 'released' THEN 1 ELSE 0 END,
       next_attempt_at = now() + make_interval(secs => s.delay_ms / 1000),
       last_error = s.error,
       confirmed_by = string_to_array(s.confirmed_by, ',')
   FROM unnest($1::uuid[], $2::smallint[], $3::timestamptz[], $4::text[], $5::float8[], $6::text[],
               $7::text[])
     AS s (id, attempts, lease_until, state, delay_ms, error, confirmed_by)
   WHERE e.id = s.id AND e.attempts = s.attempts AND e.next_attempt_at = s.lease_until
     AND e.published_at IS NULL AND e.dead_at IS NULL
   RETURNING e.id`,
);

/** The relay's statements on `events`. */
export const eventStore = {
  /** Takes up to `limit` events, each the oldest unpublished one of its user, for `leaseMs`. */
  claim: (on: Queryable, limit: number, leaseMs: number) =>
    on.query<ClaimedEvent>(CLAIM, [limit, leaseMs]),

  /** Writes down what became of claimed events; returns the ids of those that were still ours. */
  async settle(on: Queryable, settlements: readonly Settlement[]): Promise<Set<string>> {
    const rows = await on.query<{ id: string }>(SETTLE, [
      settlements.map(({ event }) => event.id),
      settlements.map(({ event }) => event.attempts),
      settlements.map(({ event }) => event.next_attempt_at.toISOString()),
      settlements.map(({ state }) => state),
      settlements.map(({ delayMs }) => delayMs),
      settlements.map(({ error }) => error),
      settlements.map(({ confirmedBy }) => confirmedBy.join(',')),
    ]);
    return new Set(rows.map((row) => row.id));
  },
};
