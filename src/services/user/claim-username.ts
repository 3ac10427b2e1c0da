import { canonicaliseUsername } from '../../crypto/canonical.ts';
import { statement } from '../../db/database.ts';
import { isUniqueViolation } from '../../db/errors.ts';
import type { AccountChange } from '../account/change.ts';

const SAVE = statement('users.before_claim', 'SAVEPOINT claim');
const UNDO = statement('users.undo_claim', 'ROLLBACK TO SAVEPOINT claim');
const CLAIM = statement(
  'users.claim_username',
  `UPDATE users SET username_key = $2
   WHERE id = $1 AND username = $3 AND username_key IS NULL`,
);
const GIVE_UP = statement(
  'users.give_up_username',
  'UPDATE users SET username = NULL WHERE id = $1 AND username = $2 AND username_key IS NULL',
);

/**
 * Makes the unique username that a registration asked for its owner's, now that the mailbox is proved
 * or need not be. Until then it was nobody's: a refusal would have told whether the address was registered
 * already. Whoever was faster keeps it, and the account has none; subscribers, who have read the name in
 * `user.registered`, are told.
 */
export async function claimUsername(
  { tx, userId, announce }: AccountChange,
  { username }: { readonly username: string | null },
): Promise<void> {
  const key = username && canonicaliseUsername(username)?.key;
  if (!key) return;
  await tx.execute(SAVE);
  try {
    await tx.execute(CLAIM, [userId, key, username]);
  } catch (error) {
    if (!isUniqueViolation(error, 'users_username_key_key')) throw error;
    await tx.execute(UNDO);
    if ((await tx.execute(GIVE_UP, [userId, username])) === 0) return;
    await announce('user.updated', { fields: ['username'] });
  }
}
