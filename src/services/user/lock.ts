import { type Queryable, statement } from '../../db/database.ts';

const LOCK = statement('users.lock', 'SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE');

/**
 * Locks a user until the transaction ends. Whatever changes how a user signs in, or relies on it
 * not changing, does this first: such changes then happen one after another, always take their
 * locks in one order (the user, then what belongs to them), and what is read afterwards is current.
 * A session that is being opened meanwhile waits, and then sees the change (`session/open.ts`).
 */
export async function lockUser(tx: Queryable, userId: string): Promise<void> {
  await tx.execute(LOCK, [userId]);
}
