import { type Queryable, statement } from '../../../db/database.ts';
import type { EventDraft } from '../../event/events.ts';
import type { ImportedUser } from './read-user-line.ts';

/** One user of an import, ready to be written. */
export interface ImportRow extends ImportedUser {
  readonly id: string;
  /** The id the line asked for, if it did. */
  readonly givenId: string | null;
  readonly credential: {
    readonly pepperKid: string | null;
    readonly salt: Buffer | null;
    readonly phc: string;
  };
  readonly event: EventDraft | null;
}

const INSERT = statement(
  'users.import',
  `WITH input AS (
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                          $7::text[], $8::boolean[], $9::timestamptz[],
                          $10::text[], $11::bytea[], $12::text[])
       AS t (id, email, username, username_key, phone, status, role, is_verified, created_at,
             pepper_kid, salt, phc)
   ), created AS (
     INSERT INTO users (id, email, username, username_key, phone, status, role, email_verified_at,
                        created_at, updated_at, created_request_id)
     SELECT id, email, username, username_key, phone, status, role,
            CASE WHEN is_verified AND email IS NOT NULL THEN $13::timestamptz END,
            created_at, $13, $14
     FROM input ORDER BY email, username_key
     ON CONFLICT DO NOTHING
     RETURNING id
   ), credential AS (
     INSERT INTO credentials (user_id, pepper_kid, salt, phc, updated_at)
     SELECT id, pepper_kid, salt, phc, $13 FROM input JOIN created USING (id)
   ), event AS (
     INSERT INTO events (id, type, user_id, payload, created_at)
     SELECT e.id, 'user.registered', e.user_id, e.payload::jsonb, e.created_at
     FROM unnest($15::uuid[], $16::uuid[], $17::text[], $18::timestamptz[])
       AS e (id, user_id, payload, created_at)
     JOIN created ON created.id = e.user_id
   )
   SELECT id FROM created`,
);

/**
 * Writes users with their credentials and events in one statement. In sorted order, as registrations
 * are: two that share users wait for one another instead of dead-locking.
 * @param requestId names the import in every row it makes
 * @returns the ids written; the others were taken
 */
export async function insertUsers(
  on: Queryable,
  rows: readonly ImportRow[],
  { at, requestId }: { at: Date; requestId: string },
): Promise<Set<string>> {
  const events = rows.flatMap((row) => row.event ?? []);
  const created = await on.query<{ id: string }>(INSERT, [
    rows.map((row) => row.id),
    rows.map((row) => row.email),
    rows.map((row) => row.username),
    rows.map((row) => row.usernameKey),
    rows.map((row) => row.phone),
    rows.map((row) => row.status),
    rows.map((row) => row.role),
    rows.map((row) => row.emailVerified),
    rows.map((row) => row.createdAt.toISOString()),
    rows.map((row) => row.credential.pepperKid),
    rows.map((row) => row.credential.salt),
    rows.map((row) => row.credential.phc),
    at,
    requestId,
    events.map((event) => event.id),
    events.map((event) => event.userId),
    events.map((event) => event.payload),
    events.map((event) => event.createdAt),
  ]);
  return new Set(created.map(({ id }) => id));
}
