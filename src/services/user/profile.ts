import { type Db, statement } from '../../db/database.ts';
import { isUniqueViolation } from '../../db/errors.ts';
import { AppError, fieldError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Events } from '../event/events.ts';
import type { MailQueue } from '../mail/draft.ts';
import { noticeOf, notifyOwner } from '../mail/notice.ts';
import { type IdentityPolicy, isUsernameUnique } from '../registration/identity.ts';
import type { Authenticator, Principal } from '../session/authenticate.ts';
import type { Wake } from '../wake.ts';
import { readPhone, readUsername } from './profile-fields.ts';
import { presentUser, USER_COLUMNS, type UserColumns, type UserView } from './view.ts';

export interface ProfileDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly identities: IdentityPolicy;
  readonly authenticator: Authenticator;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
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
export function createUpdateProfile(deps: ProfileDeps) {
  const { db, clock, identities, authenticator, events, mails, wakeMail } = deps;
  const isUnique = isUsernameUnique(identities);

  return async function updateProfile(
    { userId, sessionId, user }: Principal,
    change: ProfileChange,
    expectedVersions: readonly number[] | null,
    client: ClientInfo,
  ): Promise<{ user: UserView; version: number }> {
    const username = readUsername(change.username, identities);
    const phone = readPhone(change.phone, identities);
    if (username === null && isUnique && user.email === null)
      throw fieldError('/username', 'required', 'This account is known by its username only.');
    if (username === undefined && phone === undefined) return unchanged(user, expectedVersions);
    const at = clock.now();
    const values = [
      userId,
      expectedVersions,
      username !== undefined,
      username?.display ?? null,
      username?.key ?? null,
      phone !== undefined,
      phone ?? null,
      at,
    ];
    const isNewNumber = phone !== undefined && phone !== user.phone;
    const update = db.transaction(async (tx) => {
      // Before it is another: the word goes to the number there was.
      if (isNewNumber && mails.hasTexts)
        await notifyOwner(tx, mails, user, 'phone_changed', noticeOf(client, at));
      const row = (await tx.query<UserColumns>(UPDATE, values))[0];
      if (!row) throw new AppError('precondition_failed');
      const fields = Object.keys(change);
      const actor = clientActor(client, userId);
      await recordAudit(tx, { at, action: 'user.updated', actor, userId, detail: { fields } });
      await events.record(tx, { type: 'user.updated', userId, payload: { fields } });
      return row;
    });
    const row = await update.catch((error: unknown) => {
      throw isUniqueViolation(error, 'users_username_key_key')
        ? new AppError('username_taken')
        : error;
    });
    authenticator.forget(sessionId);
    if (isNewNumber) wakeMail.soon();
    return { user: presentUser(row), version: row.version };
  };
}

/** Nothing to set: no new version, no record, no event; the precondition holds all the same. */
function unchanged(user: UserColumns, expectedVersions: readonly number[] | null) {
  if (expectedVersions && !expectedVersions.includes(user.version))
    throw new AppError('precondition_failed');
  return { user: presentUser(user), version: user.version };
}
