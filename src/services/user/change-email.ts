import { canonicaliseEmail, domainOf } from '../../crypto/canonical.ts';
import { type Db, statement } from '../../db/database.ts';
import { AppError, fieldError } from '../../errors.ts';
import { byOwner, type ChangeAccount } from '../account/change.ts';
import { findAccount } from '../account/find.ts';
import type { Reauthenticate } from '../account/reauthenticate.ts';
import type { ClientInfo } from '../client-info.ts';
import type { DomainDirectory } from '../domain/directory.ts';
import { codeSent, type FlowAnswer, maskEmail } from '../flow/answers.ts';
import type { CodeFlows } from '../flow/mail-code.ts';
import { endFlows, type FlowRedeemer } from '../flow/redeem.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import type { MailQueue } from '../mail/draft.ts';
import type { IdentityPolicy } from '../registration/identity.ts';
import type { Principal } from '../session/authenticate.ts';
import type { PresentedFactor } from '../two-factor/factor.ts';
import { refuseTaken } from './refuse-taken.ts';
import { presentUser, USER_COLUMNS, type UserColumns, type UserView } from './view.ts';

export interface ChangeEmailDeps {
  readonly db: Db;
  readonly changeAccount: ChangeAccount;
  readonly domains: DomainDirectory;
  readonly identities: IdentityPolicy;
  readonly reauthenticate: Reauthenticate;
  readonly redeemer: FlowRedeemer;
  readonly codeFlows: CodeFlows;
  readonly mailBudget: MailBudget;
  readonly mails: MailQueue;
}

const SET_EMAIL = statement(
  'users.set_email',
  `UPDATE users AS u
   SET email = $2, email_verified_at = $3, updated_at = $3, version = u.version + 1,
       security_version = u.security_version + 1
   WHERE u.id = $1 RETURNING ${USER_COLUMNS}`,
);

/** Changing the address of an account: nothing changes until the new mailbox proves its code. */
export function createChangeEmail(deps: ChangeEmailDeps) {
  const { db, changeAccount, domains, reauthenticate, redeemer, codeFlows, mailBudget } = deps;

  async function checkDomain(address: string): Promise<void> {
    if ((await domains.findPolicy(domainOf(address))) === null)
      throw new AppError('domain_not_allowed');
  }

  return {
    /**
     * Mails a code to the new address. A taken one gets the same answer; its owner gets a notice,
     * and no code opens the flow.
     * @throws AppError those of re-authentication, `validation_failed`, `domain_not_allowed`
     */
    async request(
      principal: Principal,
      input: { new_email: string; password: string } & PresentedFactor,
      client: ClientInfo,
    ): Promise<FlowAnswer> {
      const { userId } = principal;
      const { new_email, ...presented } = input;
      const proof = await reauthenticate(userId, { ...presented, pointer: '/password' }, client);
      const { user } = proof.account;
      if (deps.identities.identifier === 'username')
        throw fieldError('/new_email', 'not_allowed', 'Accounts here have no e-mail address.');
      const address = canonicaliseEmail(new_email);
      if (address === null || address === user.email)
        throw fieldError('/new_email', 'bad_format', 'This is not another e-mail address.');
      await checkDomain(address);

      const owner = await findAccount(db, { column: 'email', value: address });
      const mailKind = owner === null ? 'change_email' : 'address_taken';
      const mayMail = await mailBudget.take(mailKind, address, client);
      const draft = await codeFlows.draft({
        purpose: 'email_change',
        user: { id: userId, securityVersion: user.security_version },
        address,
        mailKind: 'change_email',
        mayMail: mayMail && owner === null,
      });
      await changeAccount(byOwner(principal, client), async (change) => {
        await proof.use(change.tx);
        // One change at a time: a code mailed for another address before is dead.
        await endFlows(change.tx, userId, 'email_change');
        await codeFlows.insert(change.tx, draft);
        if (owner && mayMail) await change.notify(owner.user, 'address_taken', {});
        await change.audit('email.change_requested');
      });
      return codeSent(draft.flow);
    },

    /**
     * Proves the new mailbox and changes the address; the other sessions end, the old mailbox is told.
     * @throws AppError `flow_expired`, `invalid_code`, `domain_not_allowed` when its domain was
     *   removed meanwhile, `email_taken` when somebody was faster
     */
    async verify(
      principal: Principal,
      input: { flow_token: string; code: string },
      client: ClientInfo,
    ): Promise<{ user: UserView; version: number }> {
      const { userId, sessionId } = principal;
      const flow = await redeemer.takeTry(input.flow_token, 'email_change');
      if (flow.userId !== userId || flow.address === null) throw new AppError('flow_expired');
      await redeemer.checkCode(flow, input.code, client);
      await checkDomain(flow.address);
      const changed = changeAccount(byOwner(principal, client), async (change) => {
        const { tx, at } = change;
        const old = await redeemer.consume(tx, flow);
        const user = (await tx.query<UserColumns>(SET_EMAIL, [userId, flow.address, at]))[0]!;
        await endFlows(tx, userId);
        await change.endSessions('email_changed', sessionId);
        await change.audit('email.changed');
        await change.announce('email.changed');
        const kind = 'email_changed' as const;
        const data = { ...change.notice, newAddress: maskEmail(flow.address!) };
        await change.notify(old, kind, data);
        await deps.mails.enqueue(tx, { kind, userId, recipient: flow.address!, data });
        return user;
      });
      const user = await changed.catch(refuseTaken);
      return { user: presentUser(user), version: user.version };
    },
  };
}
