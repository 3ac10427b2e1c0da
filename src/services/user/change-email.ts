import { canonicaliseEmail, domainOf } from '../../crypto/canonical.ts';
import { type Db, statement } from '../../db/database.ts';
import { isUniqueViolation } from '../../db/errors.ts';
import { AppError, fieldError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Reauthenticate } from '../account/reauthenticate.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { DomainDirectory } from '../domain/directory.ts';
import type { Events } from '../event/events.ts';
import { codeSent, type FlowAnswer, maskEmail } from '../flow/answers.ts';
import type { CodeFlows } from '../flow/mail-code.ts';
import { endFlows, type FlowRedeemer } from '../flow/redeem.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import { findAccount } from '../login/account.ts';
import type { MailQueue } from '../mail/draft.ts';
import { noticeOf, notifyOwner } from '../mail/notice.ts';
import type { IdentityPolicy } from '../registration/identity.ts';
import type { Authenticator, Principal } from '../session/authenticate.ts';
import { endSessions } from '../session/end.ts';
import type { PresentedFactor } from '../two-factor/factor.ts';
import type { Wake } from '../wake.ts';
import { presentUser, USER_COLUMNS, type UserColumns, type UserView } from './view.ts';

export interface ChangeEmailDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly domains: DomainDirectory;
  readonly identities: IdentityPolicy;
  readonly reauthenticate: Reauthenticate;
  readonly redeemer: FlowRedeemer;
  readonly codeFlows: CodeFlows;
  readonly mailBudget: MailBudget;
  readonly authenticator: Authenticator;
  readonly events: Events;
  readonly mails: MailQueue;
  readonly wakeMail: Wake;
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
  const { db, clock, domains, reauthenticate, redeemer, codeFlows, mailBudget, mails } = deps;
  const { authenticator, events, wakeMail } = deps;

  return {
    /**
     * Mails a code to the new address. A taken one gets the same answer; its owner gets a notice,
     * and no code opens the flow.
     * @throws AppError those of re-authentication, `validation_failed`, `domain_not_allowed`
     */
    async request(
      { userId, sessionId }: Principal,
      input: { new_email: string; password: string } & PresentedFactor,
      client: ClientInfo,
    ): Promise<FlowAnswer> {
      const { new_email, ...presented } = input;
      const proof = await reauthenticate(userId, { ...presented, pointer: '/password' }, client);
      const { user } = proof.account;
      if (deps.identities.identifier === 'username')
        throw fieldError('/new_email', 'not_allowed', 'Accounts here have no e-mail address.');
      const address = canonicaliseEmail(new_email);
      if (address === null || address === user.email)
        throw fieldError('/new_email', 'bad_format', 'This is not another e-mail address.');
      if ((await domains.findPolicy(domainOf(address))) === null)
        throw new AppError('domain_not_allowed');

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
      await db.transaction(async (tx) => {
        await proof.use(tx);
        // One change at a time: a code mailed for another address before is dead.
        await endFlows(tx, userId, 'email_change');
        await codeFlows.insert(tx, draft);
        if (owner && mayMail) await notifyOwner(tx, mails, owner.user, 'address_taken', {});
        await recordAudit(tx, {
          at: clock.now(),
          action: 'email.change_requested',
          actor: clientActor(client, userId),
          userId,
        });
      });
      authenticator.forget(sessionId);
      wakeMail.soon();
      return codeSent(draft.flow);
    },

    /**
     * Proves the new mailbox and changes the address; the other sessions end, the old mailbox is told.
     * @throws AppError `flow_expired`, `invalid_code`, `email_taken` when somebody was faster
     */
    async verify(
      { userId, sessionId }: Principal,
      input: { flow_token: string; code: string },
      client: ClientInfo,
    ): Promise<{ user: UserView; version: number }> {
      const flow = await redeemer.takeTry(input.flow_token, 'email_change');
      if (flow.userId !== userId || flow.address === null) throw new AppError('flow_expired');
      await redeemer.checkCode(flow, input.code, client);
      const at = clock.now();
      const change = db.transaction(async (tx) => {
        const old = await redeemer.consume(tx, flow);
        const user = (await tx.query<UserColumns>(SET_EMAIL, [userId, flow.address, at]))[0]!;
        await endFlows(tx, userId);
        const others = { userId, keep: sessionId, at, reason: 'email_changed' as const };
        const ended = await endSessions(tx, events, others);
        const actor = clientActor(client, userId);
        await recordAudit(tx, { at, action: 'email.changed', actor, userId });
        await events.record(tx, { type: 'email.changed', userId });
        const notice = { ...noticeOf(client, at), newAddress: maskEmail(flow.address!) };
        await notifyOwner(tx, mails, old, 'email_changed', notice);
        const toNew = {
          kind: 'email_changed',
          userId,
          recipient: flow.address!,
          data: notice,
        } as const;
        await mails.enqueue(tx, toNew);
        return { user, ended };
      });
      const { user, ended } = await change.catch((error: unknown) => {
        throw isUniqueViolation(error, 'users_email_key') ? new AppError('email_taken') : error;
      });
      [sessionId, ...ended].forEach(authenticator.forget);
      wakeMail.soon();
      return { user: presentUser(user), version: user.version };
    },
  };
}
