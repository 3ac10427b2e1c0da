import { digestRecoveryCode, generateRecoveryCodes } from '../../crypto/recovery-code.ts';
import { type Queryable, statement } from '../../db/database.ts';
import type { Keyring } from '../key/keyring.ts';

const REMOVE = statement('recovery_codes.remove', 'DELETE FROM recovery_codes WHERE user_id = $1');
const INSERT = statement(
  'recovery_codes.insert',
  `INSERT INTO recovery_codes (user_id, digest, kid, created_at)
   SELECT $1, digest, $3, $4 FROM unnest($2::bytea[]) AS t (digest)`,
);

/** Takes all of a user's recovery codes away. */
export async function removeRecoveryCodes(tx: Queryable, userId: string): Promise<void> {
  await tx.execute(REMOVE, [userId]);
}

/**
 * Gives a user ten new recovery codes; the old ones are dead.
 * @returns the codes, to be shown once: only keyed digests are stored
 */
export async function replaceRecoveryCodes(
  tx: Queryable,
  ring: Keyring,
  userId: string,
  at: Date,
): Promise<string[]> {
  const { kid, secret } = ring.code.active;
  const codes = generateRecoveryCodes();
  const digests = codes.map((code) => digestRecoveryCode(secret, userId, code));
  await removeRecoveryCodes(tx, userId);
  await tx.execute(INSERT, [userId, digests, kid, at]);
  return codes;
}
