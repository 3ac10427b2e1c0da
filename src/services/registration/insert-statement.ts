import { statement } from '../../db/database.ts';
import type { RegistrationRow } from './row.ts';

/**
 * Writes a batch of registrations in one statement, so in one durable commit.
 *
 * `ON CONFLICT DO NOTHING RETURNING` gives every row its own answer: an id that does not come back
 * was taken (or lost its Idempotency-Key), and its neighbours never notice. What only some rows have
 * (sessions, flows, mails, events) comes as lists of its own, joined to the users that were created.
 *
 * Running it twice with the same rows changes nothing more, so a lost connection is settled by
 * running it again. Keys and users are written in sorted order, so that two batches which share some
 * of them wait for one another instead of dead-locking.
 */
export const INSERT_REGISTRATIONS = statement(
  'registrations.insert',
  `WITH input AS (
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                          $7::timestamptz[], $8::text[], $9::text[], $10::text[],
                          $11::text[], $12::bytea[], $13::bytea[], $14::text[], $15::boolean[])
       AS t (id, email, username, username_key, phone, status, created_at, ip, agent, request_id,
             pepper_kid, salt, pending, phc, has_key)
   ), claimed AS (
     INSERT INTO idempotency_keys AS k (digest, fingerprint, user_id, sealed, expires_at)
     -- One key twice in a batch: either may have it.
     SELECT DISTINCT ON (digest) *
     FROM unnest($16::bytea[], $17::bytea[], $18::uuid[], $19::bytea[], $20::timestamptz[])
       AS i (digest, fingerprint, user_id, sealed, expires_at)
     ORDER BY digest
     ON CONFLICT (digest) DO UPDATE
       SET fingerprint = EXCLUDED.fingerprint, user_id = EXCLUDED.user_id,
           sealed = EXCLUDED.sealed, expires_at = EXCLUDED.expires_at
       WHERE k.expires_at <= $50
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
     FROM unnest($21::uuid[], $22::uuid[], $23::bytea[], $24::text[], $25::text[], $26::text[],
                 $27::timestamptz[], $28::timestamptz[])
       AS s (id, user_id, secret_digest, device_name, agent, ip, created_at, expires_at)
     JOIN created ON created.id = s.user_id
   ), flow AS (
     INSERT INTO flows (token_digest, purpose, origin, user_id, security_version, address,
                        code_digest, code_kid, device_name, created_at, expires_at)
     SELECT f.token_digest, 'verify', 'register', created.id,
            CASE WHEN created.id IS NOT NULL THEN 1 END, f.address, f.code_digest, f.code_kid,
            f.device_name, f.created_at, f.expires_at
     FROM unnest($29::uuid[], $30::bytea[], $31::text[], $32::bytea[], $33::text[], $34::text[],
                 $35::timestamptz[], $36::timestamptz[])
       AS f (user_id, token_digest, address, code_digest, code_kid, device_name, created_at, expires_at)
     JOIN admitted ON admitted.id = f.user_id
     LEFT JOIN created ON created.id = f.user_id
     ON CONFLICT DO NOTHING
   ), mail AS (
     INSERT INTO mails (id, kind, user_id, recipient, sealed, data_kid, message_id,
                        next_attempt_at, created_at)
     SELECT m.id, m.kind, COALESCE(created.id, owner.id), COALESCE(m.recipient, owner.email),
            m.sealed, m.data_kid, m.message_id, m.created_at, m.created_at
     FROM unnest($37::uuid[], $38::text[], $39::uuid[], $40::text[], $41::text[], $42::bytea[],
                 $43::text[], $44::text[], $45::timestamptz[])
       AS m (id, kind, user_id, recipient, taken_email, sealed, data_kid, message_id, created_at)
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
     FROM unnest($46::uuid[], $47::uuid[], $48::text[], $49::timestamptz[])
       AS e (id, user_id, payload, created_at)
     JOIN created ON created.id = e.user_id
   )
   SELECT id FROM created`,
);

/**
 * The statement's parameters, in their order.
 * @param now an Idempotency-Key that expired before is free again
 */
export function toParameters(rows: readonly RegistrationRow[], now: Date): unknown[] {
  const idempotency = rows.flatMap((row) =>
    row.idempotency ? [{ ...row.idempotency, userId: row.id }] : [],
  );
  const sessions = rows.flatMap((row) => row.session ?? []);
  const flows = rows.flatMap((row) => (row.flow ? [{ ...row.flow.row, registrant: row.id }] : []));
  const mails = rows.flatMap(toMails);
  const events = rows.flatMap((row) => row.event ?? []);
  return [
    rows.map((row) => row.id),
    rows.map((row) => row.email),
    rows.map((row) => row.username),
    rows.map((row) => row.usernameKey),
    rows.map((row) => row.phone),
    rows.map((row) => row.status),
    rows.map((row) => row.createdAt.toISOString()),
    rows.map((row) => row.ip),
    rows.map((row) => row.userAgent),
    rows.map((row) => row.requestId),
    rows.map((row) => row.credential.pepperKid),
    rows.map((row) => row.credential.salt),
    rows.map((row) => row.credential.pending),
    rows.map((row) => row.credential.phc),
    rows.map((row) => row.idempotency !== undefined),
    idempotency.map((item) => item.digest),
    idempotency.map((item) => item.fingerprint),
    idempotency.map((item) => item.userId),
    idempotency.map((item) => item.sealed),
    idempotency.map((item) => item.expiresAt),
    sessions.map((item) => item.id),
    sessions.map((item) => item.userId),
    sessions.map((item) => item.secretDigest),
    sessions.map((item) => item.deviceName),
    sessions.map((item) => item.client.userAgent),
    sessions.map((item) => item.client.ip),
    sessions.map((item) => item.createdAt),
    sessions.map((item) => item.expiresAt),
    flows.map((item) => item.registrant),
    flows.map((item) => item.tokenDigest),
    flows.map((item) => item.address),
    flows.map((item) => item.codeDigest),
    flows.map((item) => item.codeKid),
    flows.map((item) => item.deviceName),
    flows.map((item) => item.createdAt),
    flows.map((item) => item.expiresAt),
    mails.map((item) => item.mail.id),
    mails.map((item) => item.mail.kind),
    mails.map((item) => item.registrant),
    mails.map((item) => item.recipient),
    mails.map((item) => item.takenEmail),
    mails.map((item) => item.mail.sealed),
    mails.map((item) => item.mail.dataKid),
    mails.map((item) => item.mail.messageId),
    mails.map((item) => item.mail.createdAt),
    events.map((item) => item.id),
    events.map((item) => item.userId),
    events.map((item) => item.payload),
    events.map((item) => item.createdAt),
    now,
  ];
}

/**
 * The code goes to the address just stored; the notice of a taken address to the one its owner's
 * row holds, read in the statement itself.
 */
function toMails(row: RegistrationRow) {
  const common = { registrant: row.id };
  return [
    ...(row.codeMail
      ? [{ ...common, mail: row.codeMail, recipient: row.email, takenEmail: null }]
      : []),
    ...(row.takenMail
      ? [{ ...common, mail: row.takenMail, recipient: null, takenEmail: row.email }]
      : []),
  ];
}
