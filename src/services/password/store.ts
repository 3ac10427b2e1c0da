import type { Argon2Cost } from '../../crypto/argon2/engine.ts';
import { uuidv7 } from '../../crypto/random.ts';
import { statement } from '../../db/database.ts';
import type { AccountChange } from '../account/change.ts';
import { phcOfNoPassword } from '../credential/hash-to-phc.ts';
import { endFlows } from '../flow/redeem.ts';
import { lockUser } from '../user/lock.ts';
import type { PreparedPassword } from './prepare.ts';

// The old credential moves to the history in the statement that replaces it, so that no password is
// ever in neither place. The version refuses a second change that was prepared against the same one.
const REPLACE = statement(
  'credentials.replace',
  `WITH old AS (
     SELECT user_id, version, pepper_kid, salt, phc FROM credentials
     WHERE user_id = $1 AND version = $2 FOR UPDATE
   ), remembered AS (
     INSERT INTO password_history (id, user_id, pepper_kid, salt, phc, created_at)
     SELECT $3, user_id, pepper_kid, salt, phc, $4 FROM old WHERE $8::int > 1 AND phc IS NOT NULL
   )
   UPDATE credentials AS c
   SET version = c.version + 1, pepper_kid = $5, salt = $6, phc = $7, pending = NULL,
       pending_since = NULL, lease_until = NULL, attempts = 0, parked_at = NULL,
       parked_reason = NULL, updated_at = $4
   FROM old WHERE c.user_id = old.user_id`,
);
// The pepper stays, or is the active one: a hash without any would be another system's.
const DISCARD = statement(
  'credentials.discard',
  `UPDATE credentials
   SET version = version + 1, salt = NULL, phc = $2, pending = NULL, pending_since = NULL,
       pepper_kid = COALESCE(pepper_kid, (SELECT kid FROM keys
                                          WHERE kind = 'pepper' AND status = 'active')),
       lease_until = NULL, attempts = 0, parked_at = NULL, parked_reason = NULL, updated_at = $3
   WHERE user_id = $1`,
);
const PRUNE_HISTORY = statement(
  'password_history.prune',
  `DELETE FROM password_history WHERE id IN (
     SELECT id FROM password_history WHERE user_id = $1
     ORDER BY created_at DESC, id DESC OFFSET GREATEST($2::int - 1, 0))`,
);
const BUMP_SECURITY = statement(
  'users.bump_security',
  `UPDATE users SET security_version = security_version + 1, version = version + 1, updated_at = $2
   WHERE id = $1`,
);

/** Of which account, and when. */
type Moment = Pick<AccountChange, 'tx' | 'userId' | 'at'>;

/**
 * Replaces a user's password and ends every flow that was begun under the old one.
 * @returns false when the password has changed since
 */
export async function replacePassword(
  { tx, userId, at }: Moment,
  { version, next, keep }: PreparedPassword,
): Promise<boolean> {
  const values = [
    userId,
    version,
    uuidv7(at.getTime()),
    at,
    next.pepperKid,
    next.salt,
    next.phc,
    keep,
  ];
  await lockUser(tx, userId);
  if ((await tx.execute(REPLACE, values)) === 0) return false;
  await tx.execute(PRUNE_HISTORY, [userId, keep]);
  await raiseSecurityVersion({ tx, userId, at });
  return true;
}

/**
 * Makes a user's password unusable until a new one is set: nobody knows one that fits.
 * @param cost what checking a password against it costs: the current parameters
 */
export async function discardPassword({ tx, userId, at }: Moment, cost: Argon2Cost): Promise<void> {
  await tx.execute(DISCARD, [userId, phcOfNoPassword(cost), at]);
}

/** Marks that a user's password, status or factors changed: flows begun before are dead. */
export async function raiseSecurityVersion({ tx, userId, at }: Moment): Promise<void> {
  await tx.execute(BUMP_SECURITY, [userId, at]);
  await endFlows(tx, userId);
}
