import { statement } from '../../db/database.ts';
import { AppError, fieldError } from '../../errors.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import type { ClientInfo } from '../client-info.ts';
import type { MailQueue } from '../mail/draft.ts';
import { type IdentityPolicy, isUsernameUnique } from '../registration/identity.ts';
import type { Principal } from '../session/authenticate.ts';
import { readPhone, readUsername } from './profile-fields.ts';
import { refuseTaken } from './refuse-taken.ts';
import { presentUser, USER_COLUMNS, type UserColumns, type UserView } from './view.ts';

export interface ProfileDeps {
  readonly changeAccount: ChangeAccount;
  readonly identities: IdentityPolicy;
  readonly mails: Pick<MailQueue, 'hasTexts'>;
}

/** Fields to set; null removes one, undefined leaves it. */
export interface ProfileChange {
  readonly username?: string | null | undefined;
  readonly phone?: string | null | undefined;
}

// The version is the precondition: of two writers who read the same one, the second changes nothing.
const UPDATE = statement(
  'users.update_profile',
  `UPDATE users AS u
   SET username = CASE WHEN $3 THEN $4 ELSE u.username END,
       username_key = CASE WHEN $3 THEN $5 ELSE u.username_key END,
       phone = CASE WHEN $6 THEN $7 ELSE u.phone END,
       updated_at = $8, version = u.version + 1
   WHERE u.id = $1 AND ($2::int[] IS NULL OR u.version = ANY ($2))
   RETURNING ${USER_COLUMNS}`,
);

/**
 * Changes what a user says about themselves.
 * @throws AppError `validation_failed`, `username_taken`, `precondition_failed`
 */
export function createUpdateProfile({ changeAccount, identities, mails }: ProfileDeps) {
  const isUnique = isUsernameUnique(identities);

  return async function updateProfile(
    principal: Principal,
    profile: ProfileChange,
    expectedVersions: readonly number[] | null,
    client: ClientInfo,
  ): Promise<{ user: UserView; version: number }> {
    const { userId, user } = principal;
    const username = readUsername(profile.username, identities);
    const phone = readPhone(profile.phone, identities);
    if (username === null && isUnique && user.email === null)
      throw fieldError('/username', 'required', 'This account is known by its username only.');
    if (username === undefined && phone === undefined) return unchanged(user, expectedVersions);
    const isNewNumber = phone !== undefined && phone !== user.phone;
    const update = changeAccount(byOwner(principal, client), async (change) => {
      // Before it is another: the word goes to the number there was.
      if (isNewNumber && mails.hasTexts) await change.notify(user, 'phone_changed', change.notice);
      const [row] = await change.tx.query<UserColumns>(UPDATE, [
        userId,
        expectedVersions,
        username !== undefined,
        username?.display ?? null,
        username?.key ?? null,
        phone !== undefined,
        phone ?? null,
        change.at,
      ]);
      if (!row) throw new AppError('precondition_failed');
      const fields = Object.keys(profile);
      await change.audit('user.updated', { fields });
      await change.announce('user.updated', { fields });
      return row;
    });
    const row = await update.catch(refuseTaken);
    return { user: presentUser(row), version: row.version };
  };
}

/** Nothing to set: no new version, no record, no event; the precondition holds all the same. */
function unchanged(user: UserColumns, expectedVersions: readonly number[] | null) {
  if (expectedVersions && !expectedVersions.includes(user.version))
    throw new AppError('precondition_failed');
  return { user: presentUser(user), version: user.version };
}
