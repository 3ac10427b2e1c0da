import { generatePassword } from '../../../crypto/generated-password.ts';
import type { Db } from '../../../db/database.ts';
import { AppError } from '../../../errors.ts';
import { byOperator, type ChangeAccount } from '../../account/change.ts';
import { findAccountById } from '../../account/find.ts';
import type { Actor } from '../../audit/actor.ts';
import { replacePassword } from '../../password/store.ts';
import type { PasswordTools } from '../../password/tools.ts';
import { readLockedUser } from './read-locked.ts';

export interface SetPasswordDeps {
  readonly db: Db;
  readonly changeAccount: ChangeAccount;
  readonly passwordTools: () => Promise<PasswordTools>;
}

export interface PasswordSet {
  /** Shown once; null where the operator brought a password. */
  readonly generatedPassword: string | null;
  readonly sessionsEnded: number;
}

/**
 * Sets a user's password under the rules every password obeys; all sessions end, the owner is told,
 * and two-factor stays as it is.
 * @param given undefined draws one
 * @throws AppError `not_found`, `validation_failed`, `password_too_weak`, `password_breached`,
 *   `password_reused`, `overloaded`, `conflict` when the password changed meanwhile
 */
export function createSetPassword({ db, changeAccount, passwordTools }: SetPasswordDeps) {
  return async function setPassword(
    actor: Actor,
    userId: string,
    given: string | undefined,
  ): Promise<PasswordSet> {
    const account = await findAccountById(db, userId);
    if (!account) throw new AppError('not_found', { text: 'There is no such user.' });
    const generatedPassword = given === undefined ? generatePassword() : null;
    const password = given ?? generatedPassword!;
    const { preparePassword } = await passwordTools();
    const next = await preparePassword(account, password);

    const ended = await changeAccount(byOperator(actor, userId), async (change) => {
      // As they are now: who changed their address while this was hashed is told at the new one.
      const user = await readLockedUser(change.tx, userId, null);
      if (!(await replacePassword(change, next))) throw new AppError('conflict');
      const sessions = await change.endSessions('password_changed');
      const detail = { sessions_ended: sessions, generated: generatedPassword !== null };
      await change.audit('password.set_by_operator', detail);
      await change.announce('password.changed', { by: 'operator' });
      await change.notify(user, 'password_changed', change.notice);
      return sessions;
    });
    return { generatedPassword, sessionsEnded: ended };
  };
}
