import { digestOpaqueToken } from '../../crypto/opaque-token.ts';
import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Events } from '../event/events.ts';
import type { Limits } from '../limit/limits.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import type { NextStep, Progress } from '../login/next-step.ts';
import type { MailQueue } from '../mail/draft.ts';
import type { IdentityPolicy } from '../registration/identity.ts';
import type { Authenticator } from '../session/authenticate.ts';
import { proveMailbox } from '../user/prove-mailbox.ts';
import type { Wake } from '../wake.ts';
import { codeSent, type FlowAnswer, verificationRequired } from './answers.ts';
import type { CodeFlows } from './mail-code.ts';
import type { FlowRedeemer } from './redeem.ts';

export interface VerifyDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly flows: FlowRedeemer;
  readonly codeFlows: CodeFlows;
  readonly limits: Limits;
  readonly mailBudget: MailBudget;
  readonly mails: MailQueue;
  readonly events: Events;
  readonly identities: IdentityPolicy;
  readonly nextStep: NextStep;
  readonly authenticator: Authenticator;
  readonly wakeMail: Wake;
}

/** Proving a mailbox with the code that was sent to it, and sending another. */
export function createVerify(deps: VerifyDeps) {
  const { db, clock, flows, codeFlows, limits, mailBudget, nextStep, authenticator, wakeMail } =
    deps;

  return {
    /**
     * Redeems the code of a flow that register or login began: the account becomes active and its
     * owner is signed in, unless a second factor is still to be shown.
     * @throws AppError `flow_expired`, `invalid_code`
     */
    async verify(
      input: { flow_token: string; code: string },
      client: ClientInfo,
    ): Promise<FlowAnswer> {
      const flow = await flows.takeTry(input.flow_token, 'verify');
      await flows.checkCode(flow, input.code, client);
      const progress: Progress = { amr: ['pwd'], deviceName: flow.deviceName, client };
      const { finish, ended } = await db.transaction(async (tx) => {
        const consumed = await flows.consume(tx, flow);
        const proof = { user: consumed, client, at: clock.now(), isRegistrant: true };
        const { user, ended } = await proveMailbox(tx, deps, proof);
        const finish = user.two_factor_enabled
          ? () => nextStep.askForFactor(user, progress)
          : await nextStep.signIn(tx, user, progress);
        return { finish, ended };
      });
      ended.forEach(authenticator.forget);
      wakeMail.soon();
      return finish();
    },

    /**
     * Sends a new code under a new flow token; the old ones are dead. A decoy is renewed like a real
     * flow, and mails nothing.
     * @throws AppError `flow_expired`, `rate_limited`
     */
    async resend(input: { flow_token: string }, client: ClientInfo): Promise<FlowAnswer> {
      const digest = digestOpaqueToken('ft_', input.flow_token);
      if (digest) await limits.takeFlow(digest);
      // The old flow ends first, in one statement: of two callers one sends the new code.
      const old = await flows.replace(db, input.flow_token, ['verify', 'forgot']);
      const { purpose } = old;
      const address = old.address!;
      const mailKind = purpose === 'verify' ? 'verify_email' : 'reset_password';
      const mayMail = await mailBudget.take(mailKind, address, client);
      const draft = await codeFlows.draft({
        purpose,
        ...(old.origin ? { origin: old.origin } : {}),
        user: old.userId ? { id: old.userId, securityVersion: old.securityVersion! } : null,
        address,
        deviceName: old.deviceName,
        mailKind,
        mayMail,
      });
      await codeFlows.insert(db, draft);
      const { flow } = draft;
      wakeMail.soon();
      return purpose === 'verify' ? verificationRequired(flow, address) : codeSent(flow);
    },
  };
}
