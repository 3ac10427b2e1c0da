import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import { findAccountById } from '../account/find.ts';
import type { Reauthenticate } from '../account/reauthenticate.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Principal } from '../session/authenticate.ts';
import type { PresentedFactor } from '../two-factor/factor.ts';
import { checkMaximumLength } from './policy.ts';
import type { PreparePassword } from './prepare.ts';
import { replacePassword } from './store.ts';

export interface ChangePasswordDeps {
  readonly db: Db;
  readonly changeAccount: ChangeAccount;
  readonly reauthenticate: Reauthenticate;
  readonly preparePassword: PreparePassword;
}

/**
 * Changes the password of a signed-in user; this session stays, all others end. The order is
 * password, factor, policy, history, only too long a new password is refused before them; a refusal
 * of the new password uses no factor up.
 * @throws AppError those of re-authentication, then `validation_failed`, `password_too_weak`,
 *   `password_breached`, `password_reused`, `conflict` when the password changed meanwhile
 */
export function createChangePassword(deps: ChangePasswordDeps) {
  const { db, changeAccount, reauthenticate, preparePassword } = deps;

  return async function changePassword(
    principal: Principal,
    input: { current_password: string; new_password: string } & PresentedFactor,
    client: ClientInfo,
  ): Promise<void> {
    const { userId, sessionId } = principal;
    const { current_password: password, new_password: nextPassword, ...factor } = input;
    // Whoever asks, no work is done for it: the present password is not hashed either.
    checkMaximumLength(nextPassword, '/new_password');
    const presented = { password, pointer: '/current_password', ...factor };
    const proof = await reauthenticate(userId, presented, client);
    // Verifying has promoted a pending row: what is there now is read again.
    const account = await findAccountById(db, userId);
    if (!account) throw new AppError('invalid_token');
    const next = await preparePassword(account, nextPassword, '/new_password');
    if (next.version !== proof.account.credential.version) throw new AppError('conflict');

    await changeAccount(byOwner(principal, client), async (change) => {
      const user = await proof.use(change.tx);
      if (!(await replacePassword(change, next))) throw new AppError('conflict');
      const ended = await change.endSessions('password_changed', sessionId);
      await change.audit('password.changed', { sessions_ended: ended });
      await change.announce('password.changed', { by: 'user' });
      await change.notify(user, 'password_changed', change.notice);
    });
  };
}
