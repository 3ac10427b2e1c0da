import { type Db, type Statement, statement } from '../../db/database.ts';
import { createBatcher } from '../../lib/batcher.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Tracer } from '../../lib/tracer.ts';
import type { SessionLifetime } from './lifetime.ts';

/** What a refresh reads of a session and its user. */
export interface RefreshRow {
  user_id: string;
  role: string;
  amr: string[];
  counter: number;
  created_at: Date;
  rotated_at: Date | null;
  expires_at: Date;
}

/** One caller's claim: this is the newest token of that session. */
export interface Rotation {
  readonly sessionId: string;
  /** Of the presented token. */
  readonly counter: number;
  readonly secretDigest: Buffer;
  readonly at: Date;
  readonly ip: string;
}

/** Moves a session on by one. @returns its new row; null where no row moved, whatever the reason */
export type Rotate = (rotation: Rotation) => Promise<RefreshRow | null>;

export interface RotateDeps {
  readonly db: Db;
  readonly clock: Clock;
  /** Refreshes of one session in a minute at most; null switches the limit off. */
  readonly perMinute: number | null;
  readonly lifetime: SessionLifetime;
  readonly tracer?: Tracer | undefined;
}

const MAX_BATCH = 200;
const MAX_WAITING = 20_000;
const MAX_WAIT_MS = 2_000;
/** Two connections keep PostgreSQL busy while the next batch collects. */
const WRITERS = 2;

/** A window of the future is that of a clock that has been set back since; nodes may differ a little. */
const IS_IN_WINDOW = `s.refresh_window_at > h.at - interval '1 minute'
                      AND s.refresh_window_at <= h.at + interval '1 minute'`;

const ROTATE_FREE = rotateStatement('sessions.rotate_free', 'SKIP LOCKED');
const ROTATE_ONE = rotateStatement('sessions.rotate_one', '');

/**
 * Rotates sessions, those of requests that arrive together in one statement and one durable commit.
 *
 * A batch takes only rows that nobody else holds: it can neither wait for another's transaction nor
 * dead-lock with one. What it leaves alone is asked once more by itself, and waits if it must.
 */
export function createRotate(deps: RotateDeps): Rotate {
  const { db, clock, perMinute, lifetime } = deps;

  async function run(how: Statement, rotations: readonly Rotation[]) {
    const rows = await db.query<RefreshRow & { claim: number }>(how, [
      rotations.map(({ sessionId }) => sessionId),
      rotations.map(({ counter }) => counter),
      rotations.map(({ secretDigest }) => secretDigest),
      rotations.map(({ at }) => at.toISOString()),
      rotations.map(({ ip }) => ip),
      perMinute,
      lifetime.totalMs / 1_000,
      lifetime.idleMs / 1_000,
    ]);
    const byClaim = new Map(rows.map(({ claim, ...row }) => [claim, row]));
    return rotations.map((_, index) => byClaim.get(index + 1) ?? null);
  }

  const free = createBatcher<Rotation, RefreshRow | null>({
    maxBatch: MAX_BATCH,
    writers: WRITERS,
    maxWaiting: MAX_WAITING,
    maxWaitMs: MAX_WAIT_MS,
    monotonicMs: clock.monotonicMs,
    name: 'refresh.batch',
    tracer: deps.tracer,
    run: (rotations) => run(ROTATE_FREE, rotations),
  });

  return async (rotation) =>
    (await free.submit(rotation)) ?? (await run(ROTATE_ONE, [rotation]))[0]!;
}

/**
 * The one statement that makes rotation single-use: of any number of callers, the row's counter lets
 * one through. An UPDATE touches a row once, so of equal claims in one batch one returns. The
 * per-minute limit rides along, so that counting needs no second write. The end of the session moves
 * only where an idle time is set; unchanged, it costs no write to its index.
 *
 * Each claim looks up its own session and user, by primary key. That is what `LATERAL`, the row lock
 * and `OFFSET 0` spell out: PostgreSQL plans a prepared statement without knowing how many claims
 * there are, and left to itself it compares every claim with every live session.
 */
function rotateStatement(name: string, locking: 'SKIP LOCKED' | ''): Statement {
  return statement(
    name,
    `WITH held AS MATERIALIZED (
       SELECT c.claim, c.at, c.ip, s.id, s.counter, u.role
       FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::timestamptz[], $5::text[])
              WITH ORDINALITY AS c (id, counter, secret_digest, at, ip, claim)
       CROSS JOIN LATERAL (
         SELECT id, counter, user_id FROM sessions
         WHERE id = c.id AND counter = c.counter AND secret_digest = c.secret_digest
           AND ended_at IS NULL AND expires_at > c.at
           AND ($6::int IS NULL OR refreshes_in_window < $6 OR refresh_window_at IS NULL
                OR refresh_window_at <= c.at - interval '1 minute'
                OR refresh_window_at > c.at + interval '1 minute')
         FOR NO KEY UPDATE ${locking}
       ) AS s
       CROSS JOIN LATERAL (
         SELECT role FROM users WHERE id = s.user_id AND status = 'active' OFFSET 0
       ) AS u
     )
     UPDATE sessions AS s
     SET counter = s.counter + 1, rotated_at = h.at, last_used_at = h.at, ip = h.ip,
         expires_at = LEAST(s.created_at + make_interval(secs => $7),
                            h.at + make_interval(secs => $8)),
         refresh_window_at = CASE WHEN ${IS_IN_WINDOW} THEN s.refresh_window_at ELSE h.at END,
         refreshes_in_window = CASE WHEN ${IS_IN_WINDOW} THEN s.refreshes_in_window + 1 ELSE 1 END
     FROM held AS h
     WHERE s.id = h.id AND s.counter = h.counter
     RETURNING h.claim::int, s.user_id, h.role, s.amr, s.counter, s.created_at, s.rotated_at,
               s.expires_at`,
  );
}
