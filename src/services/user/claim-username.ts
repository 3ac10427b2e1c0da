import { canonicaliseUsername } from '../../crypto/canonical.ts';
import { type Queryable, statement } from '../../db/database.ts';
import { isUniqueViolation } from '../../db/errors.ts';

const SAVE = statement('users.before_claim', 'SAVEPOINT claim');
const UNDO = statement('users.undo_claim', 'ROLLBACK TO SAVEPOINT claim');
const CLAIM = statement(
  'users.claim_username',
  'UPDATE users SET username_key = $2 WHERE id = $1 AND username_key IS NULL',
);
const GIVE_UP = statement(
  'users.give_up_username',
  'UPDATE users SET username = NULL WHERE id = $1 AND username_key IS NULL',
);

/**
 * Makes the unique username that a registration asked for its owner's, now that the mailbox is proved.
 * Until then it was nobody's: a name that is taken by an address which may or may not be registered
 * already would tell which. Somebody who was faster keeps it, and the account has none.
 */
export async function claimUsername(
  tx: Queryable,
  user: { readonly id: string; readonly username: string | null },
): Promise<void> {
  const key = user.username && canonicaliseUsername(user.username)?.key;
  if (!key) return;
  await tx.execute(SAVE);
  try {
    await tx.execute(CLAIM, [user.id, key]);
  } catch (error) {
    if (!isUniqueViolation(error, 'users_username_key_key')) throw error;
    await tx.execute(UNDO);
    await tx.execute(GIVE_UP, [user.id]);
  }
}
