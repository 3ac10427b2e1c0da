import { domainOf } from '../../crypto/canonical.ts';
import { type Db, type Queryable, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { type AccountChange, byOwner, type ChangeAccount } from '../account/change.ts';
import { clientActor } from '../audit/client-actor.ts';
import { recordAudit } from '../audit/record.ts';
import type { ClientInfo } from '../client-info.ts';
import type { DomainDirectory } from '../domain/directory.ts';
import type { Events } from '../event/events.ts';
import { type FlowAnswer, verificationRequired } from '../flow/answers.ts';
import type { FlowDrafts } from '../flow/draft.ts';
import type { CodeFlows } from '../flow/mail-code.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import { type IdentityPolicy, isUsernameUnique } from '../registration/identity.ts';
import { endUnusedSessions, MOST_SESSIONS } from '../session/end.ts';
import type { Amr, SessionIssuer } from '../session/issue.ts';
import { openSession } from '../session/open.ts';
import { claimUsername } from '../user/claim-username.ts';
import { presentUser, USER_COLUMNS, type UserColumns } from '../user/view.ts';
import type { Wake } from '../wake.ts';
import type { TakeSignInNotice } from './sign-in-notice.ts';

export interface NextStepDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly domains: DomainDirectory;
  readonly identities: IdentityPolicy;
  readonly flows: FlowDrafts;
  readonly codeFlows: CodeFlows;
  readonly mailBudget: MailBudget;
  readonly sessions: SessionIssuer;
  readonly takeSignInNotice: TakeSignInNotice;
  readonly changeAccount: ChangeAccount;
  readonly events: Events;
  readonly wakeMail: Wake;
  readonly log: Logger;
}

/** What has been proved so far, and by whom. */
export interface Progress {
  readonly amr: readonly Amr[];
  readonly deviceName: string | null;
  readonly client: ClientInfo;
}

export type NextStep = ReturnType<typeof createNextStep>;

// Whom another sign-in has activated a moment ago is read as they are now. A password that was changed
// meanwhile is not: the session is then refused by the security version that was proved.
const ACTIVATE = statement(
  'users.activate_unverified',
  `UPDATE users AS u
   SET status = 'active', version = u.version + CASE u.status WHEN 'pending' THEN 1 ELSE 0 END,
       updated_at = CASE u.status WHEN 'pending' THEN $2 ELSE u.updated_at END
   WHERE u.id = $1 AND u.status IN ('pending', 'active') AND u.security_version = $3
   RETURNING ${USER_COLUMNS}`,
);

/**
 * The sign-in state machine: given a user whose password (and perhaps more) is proved, what comes
 * next. Its order is the rule: unavailable, mailbox to prove, second factor, signed in.
 */
export function createNextStep(deps: NextStepDeps) {
  const { db, clock, domains, identities, flows, codeFlows, mailBudget } = deps;
  const { sessions, takeSignInNotice, changeAccount, events } = deps;

  async function needsVerification(user: UserColumns): Promise<boolean> {
    if (user.email === null) return false;
    if (user.status === 'active' && user.email_verified_at !== null) return false;
    const policy = await domains.findPolicy(domainOf(user.email));
    // A removed domain takes no new accounts; those it has are treated as they were meant.
    return policy === 'email_code' || (policy === null && user.status === 'pending');
  }

  async function askForCode(
    user: UserColumns,
    { deviceName, client }: Progress,
  ): Promise<FlowAnswer> {
    const email = user.email!;
    const mayMail = await mailBudget.take('verify_email', email, client);
    const draft = await codeFlows.draft({
      purpose: 'verify',
      origin: 'login',
      user: { id: user.id, securityVersion: user.security_version },
      address: email,
      deviceName,
      mailKind: 'verify_email',
      mayMail,
    });
    await codeFlows.insert(db, draft);
    deps.wakeMail.soon();
    return verificationRequired(draft.flow, email);
  }

  async function askForFactor(
    user: UserColumns,
    { amr, deviceName }: Progress,
  ): Promise<FlowAnswer> {
    const flow = await flows.draft({
      purpose: 'two_factor',
      origin: 'login',
      user: { id: user.id, securityVersion: user.security_version },
      amr,
      deviceName,
    });
    await flows.insert(db, flow);
    return {
      status: 'two_factor_required',
      flow_token: flow.token,
      expires_at: flow.expiresAt.toISOString(),
      methods: user.recovery_codes_left > 0 ? ['totp', 'recovery_code'] : ['totp'],
    };
  }

  /**
   * Signs in a user who has proved everything asked for.
   * @param on the caller's transaction, or the database where there is nothing to share one with
   * @returns what is left to do once that is committed, and then the answer
   * @throws AppError `invalid_credentials` when the user changed since they were read
   */
  async function signIn(
    on: Queryable,
    user: UserColumns,
    progress: Progress,
  ): Promise<() => Promise<FlowAnswer>> {
    const draft = sessions.draft(user.id, progress);
    const payload = { session_id: draft.id, amr: progress.amr };
    const event = events.enabled
      ? events.draft({ type: 'session.created', userId: user.id, payload })
      : null;
    const others = await openSession(on, draft, user.security_version, event);
    if (others === null) throw new AppError('invalid_credentials');
    return async () => {
      if (others >= MOST_SESSIONS) await makeRoom(user.id, progress.client);
      return {
        status: 'authenticated',
        user: presentUser(user),
        tokens: await sessions.sign({ ...draft, role: user.role, counter: 0, at: draft.createdAt }),
      };
    };
  }

  /** A right password that does not sign in by itself; where it does, the session is the record. */
  async function auditPassword(
    { id: userId, status }: UserColumns,
    { client }: Progress,
    result: 'ok' | 'refused',
  ): Promise<void> {
    const action = 'login.password_accepted';
    const actor = clientActor(client, userId);
    await recordAudit(db, { at: clock.now(), action, actor, result, userId, detail: { status } });
  }

  /** Registered under a policy that asked for a proof, signing in under one that does not. */
  async function activate(change: AccountChange, user: UserColumns): Promise<UserColumns> {
    if (isUsernameUnique(identities)) await claimUsername(change, user);
    const values = [user.id, change.at, user.security_version];
    return (await change.tx.query<UserColumns>(ACTIVATE, values))[0] ?? user;
  }

  /** The session is open by now, and its user is to have it: what fails here the next sign-in does. */
  async function makeRoom(userId: string, client: ClientInfo): Promise<void> {
    await changeAccount(byOwner({ userId }, client), async ({ tx, at, audit }) => {
      for (const sessionId of await endUnusedSessions(tx, events, { userId, at }))
        await audit('session.ended', { session_id: sessionId, reason: 'too_many' });
    }).catch((error: unknown) =>
      deps.log.warn({ err: error, user_id: userId }, 'more sessions than there may be are left'),
    );
  }

  return {
    signIn,

    /** After the right password. @throws AppError `account_unavailable` for a locked or disabled user */
    async afterPassword(user: UserColumns, progress: Progress): Promise<FlowAnswer> {
      if (user.status === 'locked' || user.status === 'disabled') {
        await auditPassword(user, progress, 'refused');
        throw new AppError('account_unavailable');
      }
      const asksForCode = await needsVerification(user);
      if (asksForCode || user.two_factor_enabled) await auditPassword(user, progress, 'ok');
      if (asksForCode) return askForCode(user, progress);
      if (user.two_factor_enabled) return askForFactor(user, progress);
      const isPending = user.status === 'pending';
      const isTold = await takeSignInNotice(user.id, progress.client);
      // Most sign-ins change nothing but that there is one more session: a statement, no transaction.
      const finish =
        isPending || isTold
          ? await changeAccount(byOwner({ userId: user.id }, progress.client), async (change) => {
              const current = isPending ? await activate(change, user) : user;
              if (isTold) await change.notify(current, 'signed_in', change.notice);
              return signIn(change.tx, current, progress);
            })
          : await signIn(db, user, progress);
      return finish();
    },

    askForFactor,
  };
}
