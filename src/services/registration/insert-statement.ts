import { byteaText } from '../../db/bytea-text.ts';
import { statement } from '../../db/database.ts';
import type { EventDraft } from '../event/events.ts';
import type { MailDraft } from '../mail/draft.ts';
import type { RegistrationRow } from './row.ts';

/**
 * Writes a batch of registrations in one statement, so in one durable commit.
 *
 * `ON CONFLICT DO NOTHING RETURNING` gives every row its own answer: an id that does not come back
 * was taken (or lost its Idempotency-Key), and its neighbours never notice. What only some rows have
 * (keys, sessions, flows, mails, events) comes as lists of its own, joined to the users that were
 * created. Each list is one JSON text: a parameter for each column costs this process far more.
 *
 * Running it twice with the same rows changes nothing more, so a lost connection is settled by
 * running it again. Keys and users are written in sorted order, so that two batches which share some
 * of them wait for one another instead of dead-locking.
 */
export const INSERT_REGISTRATIONS = statement(
  'registrations.insert',
  `WITH input AS (
     SELECT * FROM json_to_recordset($1)
       AS t (id uuid, email text, username text, username_key text, phone text, status text,
             created_at timestamptz, ip text, agent text, request_id text,
             pepper_kid text, salt bytea, pending bytea, phc text, has_key boolean)
   ), claimed AS (
     INSERT INTO idempotency_keys AS k (digest, fingerprint, user_id, sealed, expires_at)
     -- One key twice in a batch: either may have it.
     SELECT DISTINCT ON (digest) *
     FROM json_to_recordset($2)
       AS i (digest bytea, fingerprint bytea, user_id uuid, sealed bytea, expires_at timestamptz)
     ORDER BY digest
     ON CONFLICT (digest) DO UPDATE
       SET fingerprint = EXCLUDED.fingerprint, user_id = EXCLUDED.user_id,
           sealed = EXCLUDED.sealed, expires_at = EXCLUDED.expires_at
       WHERE k.expires_at <= $7
     RETURNING user_id
   ), admitted AS (
     SELECT * FROM input WHERE NOT has_key OR id IN (SELECT user_id FROM claimed)
   ), created AS (
     INSERT INTO users (id, email, username, username_key, phone, status, created_at, updated_at,
                        created_ip, created_agent, created_request_id)
     SELECT id, email, username, username_key, phone, status, created_at, created_at,
            ip, agent, request_id
     FROM admitted ORDER BY email, username_key
     ON CONFLICT DO NOTHING
     RETURNING id
   ), credential AS (
     INSERT INTO credentials (user_id, pepper_kid, salt, pending, pending_since, phc, updated_at)
     SELECT id, pepper_kid, salt, pending, CASE WHEN pending IS NOT NULL THEN created_at END, phc,
            created_at
     FROM admitted JOIN created USING (id)
   ), session AS (
     INSERT INTO sessions (id, user_id, secret_digest, amr, device_name, user_agent, ip,
                           created_at, last_used_at, expires_at)
     SELECT s.id, s.user_id, s.secret_digest, '{pwd}', s.device_name, s.agent, s.ip,
            s.created_at, s.created_at, s.expires_at
     FROM json_to_recordset($3)
       AS s (id uuid, user_id uuid, secret_digest bytea, device_name text, agent text, ip text,
             created_at timestamptz, expires_at timestamptz)
     JOIN created ON created.id = s.user_id
   ), known AS (
     INSERT INTO known_networks (user_id, network, last_login_at)
     SELECT s.user_id, s.network, s.created_at
     FROM json_to_recordset($3) AS s (user_id uuid, network text, created_at timestamptz)
     JOIN created ON created.id = s.user_id
   ), flow AS (
     INSERT INTO flows (token_digest, purpose, origin, user_id, security_version, address,
                        code_digest, code_kid, code_flow, device_name, created_at, expires_at)
     SELECT f.token_digest, 'verify', 'register', created.id,
            CASE WHEN created.id IS NOT NULL THEN 1 END, f.address, f.code_digest, f.code_kid,
            f.token_digest, f.device_name, f.created_at, f.expires_at
     FROM json_to_recordset($4)
       AS f (user_id uuid, token_digest bytea, address text, code_digest bytea, code_kid text,
             device_name text, created_at timestamptz, expires_at timestamptz)
     JOIN admitted ON admitted.id = f.user_id
     LEFT JOIN created ON created.id = f.user_id
     ON CONFLICT DO NOTHING
   ), mail AS (
     INSERT INTO mails (id, kind, user_id, recipient, sealed, data_kid, message_id,
                        next_attempt_at, created_at)
     SELECT m.id, m.kind, COALESCE(created.id, owner.id), COALESCE(m.recipient, owner.email),
            m.sealed, m.data_kid, m.message_id, m.due_at, m.created_at
     FROM json_to_recordset($5)
       AS m (id uuid, kind text, user_id uuid, recipient text, taken_email text, sealed bytea,
             data_kid text, message_id text, due_at timestamptz, created_at timestamptz)
     JOIN admitted ON admitted.id = m.user_id
     LEFT JOIN created ON created.id = m.user_id
     -- Users of the statement's snapshot: whoever held the address before this batch. It is the
     -- registrant where this is a repetition, who needs no notice.
     LEFT JOIN users AS owner ON owner.email = m.taken_email AND owner.id <> m.user_id
     WHERE (m.taken_email IS NULL AND created.id IS NOT NULL) OR owner.id IS NOT NULL
     ON CONFLICT DO NOTHING
   ), event AS (
     INSERT INTO events (id, type, user_id, payload, created_at)
     SELECT e.id, 'user.registered', e.user_id, e.payload::jsonb, e.created_at
     FROM json_to_recordset($6) AS e (id uuid, user_id uuid, payload text, created_at timestamptz)
     JOIN created ON created.id = e.user_id
   )
   SELECT id FROM created`,
);

/**
 * The statement's parameters, in their order.
 * @param now an Idempotency-Key that expired before is free again
 */
export function toParameters(rows: readonly RegistrationRow[], now: Date): unknown[] {
  return [
    JSON.stringify(rows.map(toUser)),
    JSON.stringify(rows.flatMap(toIdempotencyKey)),
    JSON.stringify(rows.flatMap(toSession)),
    JSON.stringify(rows.flatMap(toFlow)),
    JSON.stringify(rows.flatMap(toMails)),
    JSON.stringify(rows.flatMap((row) => (row.event ? toEvent(row.event) : []))),
    now,
  ];
}

function toUser(row: RegistrationRow) {
  const { credential } = row;
  return {
    id: row.id,
    email: row.email,
    username: row.username,
    username_key: row.usernameKey,
    phone: row.phone,
    status: row.status,
    created_at: row.createdAt,
    ip: row.ip,
    agent: row.userAgent,
    request_id: row.requestId,
    pepper_kid: credential.pepperKid,
    salt: byteaText(credential.salt),
    pending: credential.pending && byteaText(credential.pending),
    phc: credential.phc,
    has_key: row.idempotency !== undefined,
  };
}

function toIdempotencyKey({ id, idempotency: key }: RegistrationRow) {
  if (!key) return [];
  return {
    digest: byteaText(key.digest),
    fingerprint: byteaText(key.fingerprint),
    user_id: id,
    sealed: byteaText(key.sealed),
    expires_at: key.expiresAt,
  };
}

function toSession({ session }: RegistrationRow) {
  if (!session) return [];
  return {
    id: session.id,
    user_id: session.userId,
    secret_digest: byteaText(session.secretDigest),
    device_name: session.deviceName,
    agent: session.client.userAgent,
    ip: session.client.ip,
    network: session.client.network,
    created_at: session.createdAt,
    expires_at: session.expiresAt,
  };
}

function toFlow({ id, flow }: RegistrationRow) {
  if (!flow) return [];
  const { row } = flow;
  return {
    user_id: id,
    token_digest: byteaText(row.tokenDigest),
    address: row.address,
    code_digest: row.code && byteaText(row.code.digest),
    code_kid: row.code?.kid ?? null,
    device_name: row.deviceName,
    created_at: row.createdAt,
    expires_at: row.expiresAt,
  };
}

/**
 * The code goes to the address just stored; the notice of a taken address to the one its owner's
 * row holds, read in the statement itself.
 */
function toMails({ id, email, codeMail, takenMail }: RegistrationRow) {
  return [
    ...(codeMail ? [toMail(codeMail, { user_id: id, recipient: email, taken_email: null })] : []),
    ...(takenMail ? [toMail(takenMail, { user_id: id, recipient: null, taken_email: email })] : []),
  ];
}

function toMail(mail: MailDraft, whom: object) {
  return {
    ...whom,
    id: mail.id,
    kind: mail.kind,
    sealed: byteaText(mail.sealed),
    data_kid: mail.dataKid,
    message_id: mail.messageId,
    due_at: mail.dueAt,
    created_at: mail.createdAt,
  };
}

function toEvent({ id, userId, payload, createdAt }: EventDraft) {
  return { id, user_id: userId, payload, created_at: createdAt };
}
