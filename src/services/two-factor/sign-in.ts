import type { Db } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { FlowAnswer } from '../flow/answers.ts';
import type { FlowRedeemer } from '../flow/redeem.ts';
import type { Limits } from '../limit/limits.ts';
import { settleAttempt } from '../limit/settle-attempt.ts';
import type { NextStep } from '../login/next-step.ts';
import type { SignInNotice } from '../login/sign-in-notice.ts';
import type { MailQueue } from '../mail/draft.ts';
import { noticeOf, notifyOwner } from '../mail/notice.ts';
import type { Wake } from '../wake.ts';
import type { Factors, PresentedFactor } from './factor.ts';

export interface TwoFactorSignInDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly flows: FlowRedeemer;
  readonly factors: Factors;
  readonly limits: Limits;
  readonly mails: MailQueue;
  readonly nextStep: NextStep;
  readonly signInNotice: SignInNotice;
  readonly wakeMail: Wake;
}

/**
 * The second step of signing in. Wrong factors count against the user, across flows and sessions: a
 * right password buys no further tries.
 * @throws AppError `flow_expired`, `invalid_code`, `rate_limited`
 */
export function createTwoFactorSignIn(deps: TwoFactorSignInDeps) {
  const { db, clock, flows, factors, limits, mails, nextStep, signInNotice } = deps;

  return async function signIn(
    input: PresentedFactor & { flow_token: string },
    client: ClientInfo,
  ): Promise<FlowAnswer> {
    const flow = await flows.takeTry(input.flow_token, 'two_factor');
    const userId = flow.userId;
    if (userId === null) throw new AppError('flow_expired');
    const attempt = await limits.beginFactor(userId);
    const proved = await settleAttempt(
      attempt,
      () => factors.prove(userId, input),
      () => auditFailure(userId, client),
    );
    const isTold = await signInNotice.isDue(userId, client);
    const at = clock.now();
    const finish = await db.transaction(async (tx) => {
      const consumed = await flows.consume(tx, flow);
      await proved.consume(tx);
      const isRecovery = proved.amr === 'rcv';
      const left = consumed.recovery_codes_left - (isRecovery ? 1 : 0);
      const user = { ...consumed, recovery_codes_left: left };
      if (isRecovery)
        await notifyOwner(tx, mails, user, 'recovery_code_used', { ...noticeOf(client, at), left });
      const amr = [...flow.amr, proved.amr, 'mfa' as const];
      return nextStep.signIn(tx, user, { amr, deviceName: flow.deviceName, client }, isTold);
    });
    if (proved.amr === 'rcv') deps.wakeMail.soon();
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
