import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Reauthenticate } from '../account/reauthenticate.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { CredentialCreator } from '../credential/create.ts';
import type { CredentialVerifier } from '../credential/verify.ts';
import type { Events } from '../event/events.ts';
import { findAccountById } from '../login/account.ts';
import type { MailQueue } from '../mail/draft.ts';
import { noticeOf, notifyOwner } from '../mail/notice.ts';
import type { Authenticator, Principal } from '../session/authenticate.ts';
import { endSessions } from '../session/end.ts';
import type { PresentedFactor } from '../two-factor/factor.ts';
import type { Wake } from '../wake.ts';
import type { PasswordHistory } from './history.ts';
import type { PasswordPolicy } from './policy.ts';
import { replacePassword } from './store.ts';

export interface ChangePasswordDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly reauthenticate: Reauthenticate;
  readonly passwords: PasswordPolicy;
  readonly history: PasswordHistory;
  readonly credentials: CredentialCreator;
  readonly verifier: CredentialVerifier;
  readonly authenticator: Authenticator;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
}

/**
 * Changes the password of a signed-in user; this session stays, all others end. The order is
 * password, factor, policy, history; a refusal of the new password uses no factor up.
 * @throws AppError those of re-authentication, then `validation_failed`, `password_too_weak`,
 *   `password_breached`, `password_reused`, `conflict` when the password changed meanwhile
 */
export function createChangePassword(deps: ChangePasswordDeps) {
  const { db, clock, reauthenticate, passwords, history, credentials, verifier } = deps;
  const { authenticator, events, mails } = deps;

  return async function changePassword(
    { userId, sessionId }: Principal,
    input: { current_password: string; new_password: string } & PresentedFactor,
    client: ClientInfo,
  ): Promise<void> {
    const { current_password: password, new_password: nextPassword, ...factor } = input;
    const presented = { password, pointer: '/current_password', ...factor };
    const proof = await reauthenticate(userId, presented, client);
    const { user } = proof.account;
    await passwords.check(nextPassword, user, '/new_password');
    // Verifying has promoted a pending row: what is there now is read again.
    const account = await findAccountById(db, userId);
    if (!account) throw new AppError('invalid_token');
    const current = await verifier.settle(account.credential);
    if (current.version !== proof.account.credential.version) throw new AppError('conflict');
    await history.check(current, nextPassword);
    const next = await credentials.final(userId, nextPassword);

    const at = clock.now();
    const ended = await db.transaction(async (tx) => {
      await proof.use(tx);
      const change = { userId, version: current.version, next, keep: history.keep, at };
      if (!(await replacePassword(tx, change))) throw new AppError('conflict');
      const others = { userId, keep: sessionId, at, reason: 'password_changed' as const };
      const sessions = await endSessions(tx, events, others);
      await recordAudit(tx, {
        at,
        action: 'password.changed',
        actor: clientActor(client, userId),
        userId,
        detail: { sessions_ended: sessions.length },
      });
      await events.record(tx, { type: 'password.changed', userId, payload: { by: 'user' } });
      await notifyOwner(tx, mails, user, 'password_changed', noticeOf(client, at));
      return sessions;
    });
    [sessionId, ...ended].forEach(authenticator.forget);
    deps.wakeMail.soon();
  };
}
