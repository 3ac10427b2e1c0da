import { AppError } from '../../../errors.ts';
import { byOperator, type ChangeAccount } from '../../account/change.ts';
import type { Actor } from '../../audit/actor.ts';
import { raiseSecurityVersion } from '../../password/store.ts';
import { removeFactors } from '../../two-factor/remove.ts';
import { readLockedUser } from './read-locked.ts';

/**
 * Takes the second factor of a user who lost it: authenticator and recovery codes are gone, every
 * session and pending step ends, the owner is told.
 * @returns how many sessions ended
 * @throws AppError `not_found`; `conflict` when two-factor is not on
 */
export function createResetTwoFactor({ changeAccount }: { changeAccount: ChangeAccount }) {
  return function resetTwoFactor(actor: Actor, userId: string): Promise<number> {
    return changeAccount(byOperator(actor, userId), async (change) => {
      const user = await readLockedUser(change.tx, userId, null);
      if (!user.two_factor_enabled)
        throw new AppError('conflict', {
          text: 'Two-factor authentication is not on.',
          hint: 'there is nothing to take away: the password alone signs in',
        });
      await removeFactors(change.tx, userId);
      await raiseSecurityVersion(change);
      const ended = await change.endSessions('two_factor_reset');
      await change.audit('two_factor.reset', { sessions_ended: ended });
      await change.announce('two_factor.disabled', { by: 'operator' });
      await change.notify(user, 'two_factor_reset', change.notice);
      return ended;
    });
  };
}
