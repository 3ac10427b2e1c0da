import { type Queryable, statement } from '../../db/database.ts';
import { removeRecoveryCodes } from './recovery-codes.ts';

const REMOVE_TOTP = statement('totps.remove', 'DELETE FROM totps WHERE user_id = $1');

/** Takes a user's authenticator and recovery codes away, in the caller's transaction. */
export async function removeFactors(tx: Queryable, userId: string): Promise<void> {
  await tx.execute(REMOVE_TOTP, [userId]);
  await removeRecoveryCodes(tx, userId);
}
