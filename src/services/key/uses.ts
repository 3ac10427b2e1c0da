import { type Queryable, type Statement, statement } from '../../db/database.ts';
import { counted } from '../../lib/counted.ts';
import type { SecretKind } from './kinds.ts';

/** What still needs a key that has been replaced. */
export interface KeyUses {
  readonly total: number;
  /** `3 credentials, 1 remembered password`. */
  readonly text: string;
  /** How these come to need it no more. */
  readonly hint: string;
}

/** Counts, each under the noun of what it counts. */
const COUNTS: Readonly<Record<SecretKind, Statement>> = {
  pepper: statement(
    'keys.pepper_uses',
    `SELECT (SELECT count(*) FROM credentials WHERE pepper_kid = $1)::int AS "credential",
            (SELECT count(*) FROM password_history WHERE pepper_kid = $1)::int
              AS "remembered password"`,
  ),
  // A session does not say by which key its newest token is, but when that was made. A node may use the
  // key a moment longer than another has replaced it. Where no other came later, by clocks that differ,
  // it cannot be told which sessions have moved: all count, until it is rotated once more.
  refresh: statement(
    'keys.refresh_uses',
    `SELECT count(*)::int AS "session" FROM sessions
     WHERE ended_at IS NULL AND expires_at > now() AND COALESCE(rotated_at, created_at) < (
       SELECT COALESCE(min(next.activated_at) + interval '1 minute', 'infinity')
       FROM keys AS next JOIN keys AS old ON old.kid = $1
       WHERE next.kind = 'refresh' AND next.kid <> $1 AND next.activated_at >= old.activated_at)`,
  ),
  data: statement(
    'keys.data_uses',
    `SELECT (SELECT count(*) FROM totps WHERE data_kid = $1)::int AS "authenticator",
            (SELECT count(*) FROM mails WHERE data_kid = $1 AND status <> 'sent')::int
              AS "mail",
            (SELECT count(*) FROM flows WHERE code_kid = $1 AND expires_at > now())::int
              AS "open flow"`,
  ),
  code: statement(
    'keys.code_uses',
    `SELECT (SELECT count(*) FROM recovery_codes WHERE kid = $1 AND used_at IS NULL)::int
              AS "recovery code",
            (SELECT count(*) FROM flows WHERE code_kid = $1 AND expires_at > now())::int
              AS "open flow"`,
  ),
};

const HINTS: Readonly<Record<SecretKind, string>> = {
  pepper: 'each moves to the active pepper when its owner signs in; users who never do must reset',
  refresh:
    'each moves to the active key at its next refresh, or ends within the lifetime of a session',
  data: 'an authenticator moves to the active key when it is next used; mails leave, flows end',
  code: 'recovery codes go when their owner draws new ones; flows end within minutes',
};

/** Counts what still needs a key of a kind. */
export async function countKeyUses(on: Queryable, kind: SecretKind, kid: string): Promise<KeyUses> {
  const [counts = {}] = await on.query<Record<string, number>>(COUNTS[kind], [kid]);
  const found = Object.entries(counts).filter(([, count]) => count > 0);
  return {
    total: found.reduce((sum, [, count]) => sum + count, 0),
    text: found.map(([noun, count]) => counted(count, noun)).join(', '),
    hint: HINTS[kind],
  };
}
