import { uuidv7 } from '../../crypto/random.ts';
import { type Queryable, statement } from '../../db/database.ts';
import type { EventDraft } from '../event/events.ts';
import { rememberNetworksOf } from '../login/known-network.ts';
import type { SessionDraft } from './issue.ts';

// One statement, because a sign-in happens while every core hashes: each further one would keep the
// next password waiting. The status and the security version are asked again in it: a lock or a
// password change that happened while the password was being hashed wins. One that is being written
// right now is waited for (FOR SHARE); one that comes later waits for us, and ends this session with
// the others.
const OPEN = statement(
  'sessions.open',
  `WITH opened AS (
     INSERT INTO sessions (id, user_id, secret_digest, amr, device_name, user_agent, ip,
                           created_at, last_used_at, expires_at)
     SELECT $1, u.id, $3, $4, $5, $6, $7, $8::timestamptz, $8, $9
     FROM users AS u WHERE u.id = $2 AND u.status = 'active' AND u.security_version = $10
     FOR SHARE
     RETURNING user_id
   ), known AS (
     ${rememberNetworksOf('SELECT user_id, $11, $8 FROM opened')}
   ), audited AS (
     INSERT INTO audit (id, at, action, actor_kind, actor_id, user_id, ip, user_agent, request_id, detail)
     SELECT $12, $8, 'session.created', 'user', user_id, user_id, $7, $6, $13, $14 FROM opened
   ), announced AS (
     INSERT INTO events (id, type, user_id, payload, created_at)
     SELECT $15::uuid, $16, user_id, $17::jsonb, $8 FROM opened WHERE $15 IS NOT NULL
   )
   SELECT (SELECT count(*) FROM sessions
           WHERE user_id = $2 AND ended_at IS NULL AND expires_at > $8)::int AS others
   FROM opened`,
);

/**
 * Writes a session with what must exist beside it: the network its user came from, the audit record,
 * the event. Only while the user is active and nothing about their security has changed since it was
 * read.
 * @param event null where nobody is to hear of it
 * @returns how many other sessions of the user are live; null where none was opened
 */
export async function openSession(
  on: Queryable,
  draft: SessionDraft,
  securityVersion: number,
  event: EventDraft | null,
): Promise<number | null> {
  const { client, createdAt } = draft;
  const rows = await on.query<{ others: number }>(OPEN, [
    draft.id,
    draft.userId,
    draft.secretDigest,
    draft.amr,
    draft.deviceName,
    client.userAgent,
    client.ip,
    createdAt,
    draft.expiresAt,
    securityVersion,
    client.network,
    uuidv7(createdAt.getTime()),
    client.requestId,
    JSON.stringify({ session_id: draft.id, amr: draft.amr }),
    event?.id ?? null,
    event?.type ?? null,
    event?.payload ?? null,
  ]);
  return rows[0]?.others ?? null;
}
