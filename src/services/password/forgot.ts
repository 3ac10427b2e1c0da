import type { Argon2Cost } from '../../crypto/argon2/engine.ts';
import { canonicaliseEmail } from '../../crypto/canonical.ts';
import { type Db, statement } from '../../db/database.ts';
import { fieldError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import { codeSent, type FlowAnswer } from '../flow/answers.ts';
import type { FlowDrafts } from '../flow/draft.ts';
import type { CodeFlows } from '../flow/mail-code.ts';
import type { FlowRedeemer } from '../flow/redeem.ts';
import type { Limits } from '../limit/limits.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import type { IdentityPolicy } from '../registration/identity.ts';
import { proveMailbox } from '../user/prove-mailbox.ts';
import type { Wake } from '../wake.ts';
import { discardPassword } from './store.ts';

export interface ForgotDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly flows: FlowDrafts;
  readonly redeemer: FlowRedeemer;
  readonly codeFlows: CodeFlows;
  readonly limits: Limits;
  readonly mailBudget: MailBudget;
  readonly changeAccount: ChangeAccount;
  readonly wakeMail: Wake;
  /** The cost of a hash. */
  readonly params: Argon2Cost;
  readonly identities: IdentityPolicy;
}

interface ResettableRow {
  id: string | null;
  security_version: number | null;
}

// One row whatever the address: to read one for some and none for others would differ in time.
const FIND_RESETTABLE = statement(
  'users.find_resettable',
  `SELECT u.id, u.security_version FROM (VALUES ($1)) AS asked (email)
   LEFT JOIN users AS u ON u.email = asked.email AND u.status IN ('pending', 'active')`,
);
const END_OLDER = statement(
  'flows.end_older_forgot',
  `DELETE FROM flows WHERE purpose = 'forgot' AND address = $1`,
);

/** A forgotten password: ask for a code, prove the mailbox with it. Setting the new one is `reset`. */
export function createForgot(deps: ForgotDeps) {
  const { db, clock, flows, redeemer, codeFlows, limits, mailBudget, changeAccount } = deps;

  return {
    /**
     * Mails a code to a known address. Known or not, the answer, its time and the flow behind it are
     * the same; an unknown address gets a flow that no code opens. A new code ends those mailed
     * before; a request beyond the mailbox's budget sends none and ends none, or asking often enough
     * would keep an owner from ever using theirs.
     * @throws AppError `validation_failed`, `rate_limited`
     */
    async request(input: { email: string }, client: ClientInfo): Promise<FlowAnswer> {
      const email = canonicaliseEmail(input.email);
      if (email === null)
        throw fieldError('/email', 'bad_format', 'This is not an e-mail address.');
      await limits.takeForgot(email, client);
      const mayMail = await mailBudget.take('reset_password', email, client);
      const [user] = await db.query<ResettableRow>(FIND_RESETTABLE, [email]);
      const draft = await codeFlows.draft({
        purpose: 'forgot',
        origin: 'forgot',
        user: user?.id ? { id: user.id, securityVersion: user.security_version! } : null,
        address: email,
        mailKind: 'reset_password',
        mayMail,
      });
      await db.transaction(async (tx) => {
        if (mayMail) await tx.execute(END_OLDER, [email]);
        await codeFlows.insert(tx, draft);
        // Of an unknown address too: the record costs time, and names nobody.
        await recordAudit(tx, {
          at: clock.now(),
          action: 'password.reset_requested',
          actor: clientActor(client),
          userId: user?.id ?? undefined,
        });
      });
      deps.wakeMail.soon();
      return codeSent(draft.flow);
    },

    /**
     * Redeems the mailed code: allows one new password to be set, and proves the mailbox.
     * @throws AppError `flow_expired`, `invalid_code`
     */
    async verify(
      input: { flow_token: string; code: string },
      client: ClientInfo,
    ): Promise<FlowAnswer> {
      const flow = await redeemer.takeTry(input.flow_token, 'forgot');
      const userId = await redeemer.checkCode(flow, input.code, client);
      const next = await changeAccount(byOwner({ userId }, client), async (change) => {
        const consumed = await redeemer.consume(change.tx, flow);
        const { user, isFirst } = await proveMailbox(change, deps.identities, {
          user: consumed,
          isRegistrant: false,
        });
        // Whoever registered this address before its owner came knows the password it has.
        if (isFirst) await discardPassword(change, deps.params);
        const reset = await flows.draft({
          purpose: 'reset',
          origin: 'forgot',
          user: { id: user.id, securityVersion: user.security_version },
        });
        await flows.insert(change.tx, reset);
        await change.audit('password.reset_authorized');
        return reset;
      });
      return {
        status: 'reset_authorized',
        flow_token: next.token,
        expires_at: next.expiresAt.toISOString(),
      };
    },
  };
}
