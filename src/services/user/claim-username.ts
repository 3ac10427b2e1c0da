import { canonicaliseUsername } from '../../crypto/canonical.ts';
import { type Queryable, statement } from '../../db/database.ts';
import { isUniqueViolation } from '../../db/errors.ts';
import type { Events } from '../event/events.ts';

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
  tx: Queryable,
  events: Events,
  user: { readonly id: string; readonly username: string | null },
): Promise<void> {
  const key = user.username && canonicaliseUsername(user.username)?.key;
  if (!key) return;
  await tx.execute(SAVE);
  try {
    await tx.execute(CLAIM, [user.id, key, user.username]);
  } catch (error) {
    if (!isUniqueViolation(error, 'users_username_key_key')) throw error;
    await tx.execute(UNDO);
    const given = await tx.execute(GIVE_UP, [user.id, user.username]);
    if (given === 0) return;
    const payload = { fields: ['username'] };
    await events.record(tx, { type: 'user.updated', userId: user.id, payload });
  }
}
