import { type Queryable, statement } from '../../db/database.ts';

const REMOVE_TOTP = statement('totps.remove', 'DELETE FROM totps WHERE user_id = $1');
const REMOVE_RECOVERY_CODES = statement(
  'recovery_codes.remove',
  'DELETE FROM recovery_codes WHERE user_id = $1',
);

/** Takes a user's authenticator and recovery codes away, in the caller's transaction. */
export async function removeFactors(tx: Queryable, userId: string): Promise<void> {
  await tx.execute(REMOVE_TOTP, [userId]);
  await tx.execute(REMOVE_RECOVERY_CODES, [userId]);
}
