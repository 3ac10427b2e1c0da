import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { CredentialCreator } from '../credential/create.ts';
import type { CredentialVerifier } from '../credential/verify.ts';
import type { Events } from '../event/events.ts';
import type { FlowAnswer } from '../flow/answers.ts';
import type { FlowRedeemer } from '../flow/redeem.ts';
import type { Limits } from '../limit/limits.ts';
import { type Account, findAccountById } from '../login/account.ts';
import { rememberNetwork } from '../login/known-network.ts';
import type { MailQueue } from '../mail/draft.ts';
import { noticeOf, notifyOwner } from '../mail/notice.ts';
import type { Authenticator } from '../session/authenticate.ts';
import { endSessions } from '../session/end.ts';
import type { Wake } from '../wake.ts';
import type { PasswordHistory } from './history.ts';
import type { PasswordPolicy } from './policy.ts';
import { replacePassword } from './store.ts';

export interface ResetDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly redeemer: FlowRedeemer;
  readonly passwords: PasswordPolicy;
  readonly history: PasswordHistory;
  readonly credentials: CredentialCreator;
  readonly verifier: CredentialVerifier;
  readonly limits: Limits;
  readonly authenticator: Authenticator;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
}

/**
 * Sets a forgotten password anew: ends every session, tells the owner, signs nobody in and leaves
 * the second factor alone. A refused password costs one of the flow's tries, not the flow.
 * @throws AppError `flow_expired`, `validation_failed`, `password_too_weak`, `password_breached`,
 *   `password_reused`, `overloaded`
 */
export function createReset(deps: ResetDeps) {
  const { db, clock, redeemer, passwords, history, credentials, verifier, events, mails } = deps;

  return async function reset(
    input: { flow_token: string; password: string },
    client: ClientInfo,
  ): Promise<FlowAnswer> {
    const flow = await redeemer.takeTry(input.flow_token, 'reset');
    const account = flow.userId === null ? null : await findAccountById(db, flow.userId);
    if (!account) throw new AppError('flow_expired');
    const { user } = account;
    const { credential, next } = await prepare(account, input.password).catch(async (error) => {
      // A password that was never looked at is no try.
      if (error instanceof AppError && error.status === 503) await redeemer.returnTry(flow);
      throw error;
    });

    const at = clock.now();
    const revoked = await db.transaction(async (tx) => {
      await redeemer.consume(tx, flow);
      const { version } = credential;
      const change = { userId: user.id, version, next, keep: history.keep, at };
      if (!(await replacePassword(tx, change))) throw new AppError('flow_expired');
      const ended = await endSessions(tx, events, {
        userId: user.id,
        at,
        reason: 'password_changed',
      });
      await recordAudit(tx, {
        at,
        action: 'password.reset',
        actor: clientActor(client, user.id),
        userId: user.id,
        detail: { sessions_ended: ended.length },
      });
      // The mailbox's owner was here: guessing from elsewhere must not keep them out.
      await rememberNetwork(tx, user.id, client, at);
      await events.record(tx, {
        type: 'password.changed',
        userId: user.id,
        payload: { by: 'reset' },
      });
      await notifyOwner(tx, mails, user, 'password_was_reset', noticeOf(client, at));
      return ended;
    });
    revoked.forEach(deps.authenticator.forget);
    if (user.email !== null) await deps.limits.clearLogin(user.email, client);
    deps.wakeMail.soon();
    return { status: 'password_reset', sessions_revoked: revoked.length };
  };

  /** Policy, then history, then the hash that will be stored. */
  async function prepare({ user, credential: stored }: Account, password: string) {
    await passwords.check(password, user);
    const credential = await verifier.settle(stored);
    await history.check(credential, password);
    return { credential, next: await credentials.final(user.id, password) };
  }
}
