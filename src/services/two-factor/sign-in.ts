import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { FlowAnswer } from '../flow/answers.ts';
import type { FlowRedeemer } from '../flow/redeem.ts';
import type { Limits } from '../limit/limits.ts';
import { settleAttempt } from '../limit/settle-attempt.ts';
import type { NextStep } from '../login/next-step.ts';
import type { TakeSignInNotice } from '../login/sign-in-notice.ts';
import type { Factors, PresentedFactor } from './factor.ts';

export interface TwoFactorSignInDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly redeemer: FlowRedeemer;
  readonly factors: Factors;
  readonly limits: Limits;
  readonly nextStep: NextStep;
  readonly takeSignInNotice: TakeSignInNotice;
  readonly changeAccount: ChangeAccount;
}

/**
 * The second step of signing in. Wrong factors count against the user, across flows and sessions: a
 * right password buys no further tries.
 * @throws AppError `flow_expired`, `invalid_code`, `rate_limited`
 */
export function createTwoFactorSignIn(deps: TwoFactorSignInDeps) {
  const { db, clock, redeemer, factors, limits, nextStep, takeSignInNotice, changeAccount } = deps;

  return async function signIn(
    input: PresentedFactor & { flow_token: string },
    client: ClientInfo,
  ): Promise<FlowAnswer> {
    const flow = await redeemer.takeTry(input.flow_token, 'two_factor');
    const userId = flow.userId;
    if (userId === null) throw new AppError('flow_expired');
    const attempt = await limits.beginFactor(userId);
    const proved = await settleAttempt(
      attempt,
      () => factors.prove(userId, input),
      () => auditFailure(userId, client),
    );
    const isTold = await takeSignInNotice(userId, client);
    const finish = await changeAccount(byOwner({ userId }, client), async (change) => {
      const consumed = await redeemer.consume(change.tx, flow);
      await proved.consume(change.tx);
      const isRecovery = proved.amr === 'rcv';
      const left = consumed.recovery_codes_left - (isRecovery ? 1 : 0);
      const user = { ...consumed, recovery_codes_left: left };
      if (isRecovery) await change.notify(user, 'recovery_code_used', { ...change.notice, left });
      if (isTold) await change.notify(user, 'signed_in', change.notice);
      const amr = [...flow.amr, proved.amr, 'mfa' as const];
      return nextStep.signIn(change.tx, user, { amr, deviceName: flow.deviceName, client });
    });
    return finish();
  };

  async function auditFailure(userId: string, client: ClientInfo): Promise<void> {
    await recordAudit(db, {
      at: clock.now(),
      action: 'two_factor.failed',
      actor: clientActor(client),
      result: 'refused',
      userId,
    });
  }
}
