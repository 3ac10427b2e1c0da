import { digestOpaqueToken } from '../../crypto/opaque-token.ts';
import type { Db } from '../../db/database.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import type { ClientInfo } from '../client-info.ts';
import type { Limits } from '../limit/limits.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import type { NextStep, Progress } from '../login/next-step.ts';
import type { IdentityPolicy } from '../registration/identity.ts';
import { proveMailbox } from '../user/prove-mailbox.ts';
import type { Wake } from '../wake.ts';
import { codeSent, type FlowAnswer, verificationRequired } from './answers.ts';
import type { CodeFlows } from './mail-code.ts';
import type { FlowRedeemer } from './redeem.ts';

export interface VerifyDeps {
  readonly db: Db;
  readonly changeAccount: ChangeAccount;
  readonly redeemer: FlowRedeemer;
  readonly codeFlows: CodeFlows;
  readonly limits: Limits;
  readonly mailBudget: MailBudget;
  readonly identities: IdentityPolicy;
  readonly nextStep: NextStep;
  readonly wakeMail: Wake;
}

/** Proving a mailbox with the code that was sent to it, and sending another. */
export function createVerify(deps: VerifyDeps) {
  const { db, changeAccount, redeemer, codeFlows, limits, mailBudget, nextStep } = deps;

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
      const flow = await redeemer.takeTry(input.flow_token, 'verify');
      const userId = await redeemer.checkCode(flow, input.code, client);
      const progress: Progress = { amr: ['pwd'], deviceName: flow.deviceName, client };
      const finish = await changeAccount(byOwner({ userId }, client), async (change) => {
        const consumed = await redeemer.consume(change.tx, flow);
        const proof = { user: consumed, isRegistrant: true };
        const { user } = await proveMailbox(change, deps.identities, proof);
        return user.two_factor_enabled
          ? () => nextStep.askForFactor(user, progress)
          : nextStep.signIn(change.tx, user, progress);
      });
      return finish();
    },

    /**
     * Sends a new code under a new flow token; the old ones are dead. Beyond the mailbox's budget no
     * code is sent, so the one that was mailed last goes on under the new token: asking once too often
     * must not lock its owner out. A decoy is renewed like a real flow, and mails nothing.
     * @throws AppError `flow_expired`, `rate_limited`
     */
    async resend(input: { flow_token: string }, client: ClientInfo): Promise<FlowAnswer> {
      const digest = digestOpaqueToken('ft_', input.flow_token);
      if (digest) await limits.takeFlow(digest);
      // The old flow ends first, in one statement: of two callers one sends the new code.
      const old = await redeemer.replace(db, input.flow_token, ['verify', 'forgot']);
      const { purpose, code, tries, createdAt } = old;
      const address = old.address!;
      const mailKind = purpose === 'verify' ? 'verify_email' : 'reset_password';
      const mayMail = await mailBudget.take(mailKind, address, client);
      const draft = await codeFlows.draft({
        purpose,
        origin: old.origin,
        user: old.userId ? { id: old.userId, securityVersion: old.securityVersion! } : null,
        address,
        deviceName: old.deviceName,
        mailKind,
        mayMail,
        kept: mayMail ? undefined : { code, tries, createdAt },
      });
      await codeFlows.insert(db, draft);
      const { flow } = draft;
      deps.wakeMail.soon();
      return purpose === 'verify' ? verificationRequired(flow, address) : codeSent(flow);
    },
  };
}
