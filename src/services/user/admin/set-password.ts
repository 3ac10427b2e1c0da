import { generatePassword } from '../../../crypto/generated-password.ts';
import type { Db } from '../../../db/database.ts';
import { AppError } from '../../../errors.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Actor } from '../../audit/actor.ts';
import { recordAudit } from '../../audit/record.ts';
import type { Events } from '../../event/events.ts';
import { findAccountById } from '../../login/account.ts';
import type { MailQueue } from '../../mail/draft.ts';
import { notifyOwner } from '../../mail/notice.ts';
import { replacePassword } from '../../password/store.ts';
import type { PasswordTools } from '../../password/tools.ts';
import { endSessions } from '../../session/end.ts';
import type { Wake } from '../../wake.ts';

export interface SetPasswordDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly passwordTools: () => Promise<PasswordTools>;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
  readonly forgetSession: (sessionId: string) => void;
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
export function createSetPassword(deps: SetPasswordDeps) {
  const { db, clock, events, mails } = deps;

  return async function setPassword(
    actor: Actor,
    userId: string,
    given: string | undefined,
  ): Promise<PasswordSet> {
    const account = await findAccountById(db, userId);
    if (!account) throw new AppError('not_found', { text: 'There is no such user.' });
    const { user } = account;
    const generatedPassword = given === undefined ? generatePassword() : null;
    const password = given ?? generatedPassword!;
    const { passwords, history, credentials, verifier } = await deps.passwordTools();
    await passwords.check(password, user);
    const current = await verifier.settle(account.credential);
    await history.check(current, password);
    const next = await credentials.final(userId, password);

    const at = clock.now();
    const ended = await db.transaction(async (tx) => {
      const change = { userId, version: current.version, next, keep: history.keep, at };
      if (!(await replacePassword(tx, change))) throw new AppError('conflict');
      const sessions = await endSessions(tx, events, { userId, at, reason: 'password_changed' });
      await recordAudit(tx, {
        at,
        action: 'password.set_by_operator',
        actor,
        userId,
        detail: { sessions_ended: sessions.length, generated: generatedPassword !== null },
      });
      await events.record(tx, { type: 'password.changed', userId, payload: { by: 'operator' } });
      // Where the operator sits is none of the user's business.
      await notifyOwner(tx, mails, user, 'password_changed', { at: at.toISOString() });
      return sessions;
    });
    ended.forEach(deps.forgetSession);
    deps.wakeMail.soon();
    return { generatedPassword, sessionsEnded: ended.length };
  };
}
