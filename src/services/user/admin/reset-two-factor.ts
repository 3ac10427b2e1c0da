import type { Db } from '../../../db/database.ts';
import { AppError } from '../../../errors.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Actor } from '../../audit/actor.ts';
import { recordAudit } from '../../audit/record.ts';
import type { Events } from '../../event/events.ts';
import type { MailQueue } from '../../mail/draft.ts';
import { notifyOwner } from '../../mail/notice.ts';
import { raiseSecurityVersion } from '../../password/store.ts';
import { endSessions } from '../../session/end.ts';
import { removeFactors } from '../../two-factor/remove.ts';
import type { Wake } from '../../wake.ts';
import { readLockedUser } from './read-locked.ts';

export interface ResetTwoFactorDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
  readonly forgetSession: (sessionId: string) => void;
}

/**
 * Takes the second factor of a user who lost it: authenticator and recovery codes are gone, every
 * session and pending step ends, the owner is told.
 * @returns how many sessions ended
 * @throws AppError `not_found`; `conflict` when two-factor is not on
 */
export function createResetTwoFactor(deps: ResetTwoFactorDeps) {
  const { db, clock, events, mails } = deps;

  return async function resetTwoFactor(actor: Actor, userId: string): Promise<number> {
    const at = clock.now();
    const ended = await db.transaction(async (tx) => {
      const user = await readLockedUser(tx, userId, null);
      if (!user.two_factor_enabled)
        throw new AppError('conflict', {
          text: 'Two-factor authentication is not on.',
          hint: 'there is nothing to take away: the password alone signs in',
        });
      await removeFactors(tx, userId);
      await raiseSecurityVersion(tx, userId, at);
      const sessions = await endSessions(tx, events, { userId, at, reason: 'two_factor_reset' });
      const detail = { sessions_ended: sessions.length };
      await recordAudit(tx, { at, action: 'two_factor.reset', actor, userId, detail });
      const payload = { by: 'operator' };
      await events.record(tx, { type: 'two_factor.disabled', userId, payload });
      await notifyOwner(tx, mails, user, 'two_factor_reset', { at: at.toISOString() });
      return sessions;
    });
    ended.forEach(deps.forgetSession);
    deps.wakeMail.soon();
    return ended.length;
  };
}
