import { type Queryable, statement } from '../../db/database.ts';
import type { Events } from '../event/events.ts';

/** Why a session ended, as operators and receivers of events are told. */
export const END_REASONS = [
  'logout',
  'logout_all',
  'ended_by_user',
  'ended_by_operator',
  'too_many',
  'password_changed',
  'email_changed',
  'email_verified',
  'role_changed',
  'status_changed',
  'two_factor_reset',
  'user_deleted',
] as const;
/** Refreshing adds `reuse_detected` and `expired`, in SQL. */
export type EndReason = (typeof END_REASONS)[number];

/** Live sessions of one user: what lists, exports and ends them all stays as small as this. */
export const MOST_SESSIONS = 100;

// Expired ones, too, though nobody hears of them: by a clock that is ahead they only seem to be.
const END_ONE = statement(
  'sessions.end_one',
  `UPDATE sessions SET ended_at = $3, end_reason = $4
   WHERE id = $1 AND user_id = $2 AND ended_at IS NULL RETURNING id, expires_at > $3 AS was_live`,
);
// Rows are locked in the order of their ids, wherever many are ended: of two callers that meet one waits.
const END_ALL = statement(
  'sessions.end_all',
  `UPDATE sessions SET ended_at = $3, end_reason = $4 WHERE id = ANY (ARRAY (
     SELECT id FROM sessions
     WHERE user_id = $1 AND ($2::uuid IS NULL OR id <> $2) AND ended_at IS NULL
     ORDER BY id FOR NO KEY UPDATE))
   RETURNING id, expires_at > $3 AS was_live`,
);
const END_UNUSED = statement(
  'sessions.end_unused',
  `UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = ANY (ARRAY (
     SELECT id FROM sessions
     WHERE ended_at IS NULL AND id IN (
       SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
       ORDER BY last_used_at DESC, id DESC OFFSET ${MOST_SESSIONS})
     ORDER BY id FOR NO KEY UPDATE))
   RETURNING id`,
);
// Whoever seems to have expired, too: what is ended for everyone must not depend on a node's clock.
const END_BATCH = statement(
  'sessions.end_batch',
  `WITH batch AS (
     SELECT id FROM sessions
     WHERE ended_at IS NULL AND ($2::uuid IS NULL OR id > $2)
     ORDER BY id LIMIT $3 FOR UPDATE
   ), ended AS (
     UPDATE sessions AS s SET ended_at = $1, end_reason = $4 FROM batch WHERE s.id = batch.id
     RETURNING s.id, s.user_id
   )
   SELECT id, user_id FROM ended ORDER BY id`,
);

/** Ends one session of a user; false when it is not theirs or not live. */
export async function endSession(
  on: Queryable,
  events: Events,
  end: { userId: string; sessionId: string; at: Date; reason: EndReason },
): Promise<boolean> {
  const values = [end.sessionId, end.userId, end.at, end.reason];
  const [ended] = await on.query<{ was_live: boolean }>(END_ONE, values);
  if (!ended?.was_live) return false;
  await announce(on, events, end.userId, end.sessionId, end.reason);
  return true;
}

/**
 * Ends every session of a user, or every other one.
 * @param end.keep the session to leave alone
 * @returns the ids of those ended
 */
export async function endSessions(
  on: Queryable,
  events: Events,
  end: { userId: string; keep?: string | undefined; at: Date; reason: EndReason },
): Promise<string[]> {
  const values = [end.userId, end.keep ?? null, end.at, end.reason];
  const ended = await on.query<{ id: string; was_live: boolean }>(END_ALL, values);
  const rows = ended.filter((row) => row.was_live);
  for (const { id } of rows) await announce(on, events, end.userId, id, end.reason);
  return rows.map((row) => row.id);
}

/**
 * Makes room after a sign-in: of more than `MOST_SESSIONS` sessions those end that were not used for
 * longest. Sign-ins at the same moment may each leave the other's; the next one ends them.
 * @returns the ids of those ended
 */
export async function endUnusedSessions(
  on: Queryable,
  events: Events,
  { userId, at }: { userId: string; at: Date },
): Promise<string[]> {
  const reason = 'too_many';
  const rows = await on.query<{ id: string }>(END_UNUSED, [userId, at, reason]);
  for (const { id } of rows) await announce(on, events, userId, id, reason);
  return rows.map((row) => row.id);
}

/**
 * Ends the next sessions of all users, in the order of their ids.
 * @param end.after the last id of the batch before; null for the first
 * @returns the ids of those ended; none left when it is empty
 */
export async function endSessionsOfEveryone(
  on: Queryable,
  events: Events,
  end: { after: string | null; limit: number; at: Date },
): Promise<string[]> {
  const reason = 'ended_by_operator';
  const values = [end.at, end.after, end.limit, reason];
  const rows = await on.query<{ id: string; user_id: string }>(END_BATCH, values);
  for (const { id, user_id } of rows) await announce(on, events, user_id, id, reason);
  return rows.map((row) => row.id);
}

function announce(on: Queryable, events: Events, userId: string, id: string, reason: EndReason) {
  return events.record(on, {
    type: 'session.revoked',
    userId,
    payload: { session_id: id, reason },
  });
}
