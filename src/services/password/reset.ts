import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import { findAccountById } from '../account/find.ts';
import type { ClientInfo } from '../client-info.ts';
import type { FlowAnswer } from '../flow/answers.ts';
import type { FlowRedeemer } from '../flow/redeem.ts';
import type { Limits } from '../limit/limits.ts';
import { rememberNetwork } from '../login/known-network.ts';
import type { PreparePassword } from './prepare.ts';
import { replacePassword } from './store.ts';

export interface ResetDeps {
  readonly db: Db;
  readonly changeAccount: ChangeAccount;
  readonly redeemer: FlowRedeemer;
  readonly preparePassword: PreparePassword;
  readonly limits: Limits;
}

/**
 * Sets a forgotten password anew: ends every session, tells the owner, signs nobody in and leaves
 * the second factor alone. A refused password costs one of the flow's tries, not the flow.
 * @throws AppError `flow_expired`, `validation_failed`, `password_too_weak`, `password_breached`,
 *   `password_reused`, `overloaded`
 */
export function createReset(deps: ResetDeps) {
  const { db, changeAccount, redeemer, preparePassword } = deps;

  return async function reset(
    input: { flow_token: string; password: string },
    client: ClientInfo,
  ): Promise<FlowAnswer> {
    const flow = await redeemer.takeTry(input.flow_token, 'reset');
    const account = flow.userId === null ? null : await findAccountById(db, flow.userId);
    if (!account) throw new AppError('flow_expired');
    const { user } = account;
    const next = await preparePassword(account, input.password).catch(async (error) => {
      // A password that was never looked at is no try.
      if (error instanceof AppError && error.status === 503) await redeemer.returnTry(flow);
      throw error;
    });

    const revoked = await changeAccount(byOwner({ userId: user.id }, client), async (change) => {
      await redeemer.consume(change.tx, flow);
      if (!(await replacePassword(change, next))) throw new AppError('flow_expired');
      const ended = await change.endSessions('password_changed');
      await change.audit('password.reset', { sessions_ended: ended });
      // The mailbox's owner was here: guessing from elsewhere must not keep them out.
      await rememberNetwork(change.tx, user.id, client, change.at);
      await change.announce('password.changed', { by: 'reset' });
      await change.notify(user, 'password_was_reset', change.notice);
      return ended;
    });
    if (user.email !== null) await deps.limits.clearLogin(user.email, client);
    return { status: 'password_reset', sessions_revoked: revoked };
  };
}
