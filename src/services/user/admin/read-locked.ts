import { type Queryable, statement } from '../../../db/database.ts';
import { AppError } from '../../../errors.ts';
import { lockUser } from '../lock.ts';
import { USER_COLUMNS, type UserColumns } from '../view.ts';

export interface LockedUser extends UserColumns {
  /** Of a locked or disabled account: what it was before. */
  status_before: 'pending' | 'active' | null;
}

const READ = statement(
  'users.read_for_change',
  `SELECT ${USER_COLUMNS}, u.status_before FROM users AS u WHERE u.id = $1`,
);

/**
 * Reads a user for a change, one change at a time: of many who know the same version, one finds it.
 * @param expectedVersions null where any will do
 * @throws AppError `not_found`; `precondition_failed` when the user has none of those versions now
 */
export async function readLockedUser(
  tx: Queryable,
  userId: string,
  expectedVersions: readonly number[] | null,
): Promise<LockedUser> {
  await lockUser(tx, userId);
  const user = (await tx.query<LockedUser>(READ, [userId]))[0];
  if (!user) throw new AppError('not_found', { text: 'There is no such user.' });
  if (expectedVersions !== null && !expectedVersions.includes(user.version))
    throw new AppError('precondition_failed');
  return user;
}
