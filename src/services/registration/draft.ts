import { uuidv7 } from '../../crypto/random.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClientInfo } from '../client-info.ts';
import type { CredentialCreator } from '../credential/create.ts';
import type { Events } from '../event/events.ts';
import { type FlowAnswer, verificationRequired } from '../flow/answers.ts';
import type { FlowDrafts } from '../flow/draft.ts';
import { codeOf } from '../flow/live-code.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import type { MailQueue } from '../mail/draft.ts';
import type { SessionIssuer } from '../session/issue.ts';
import { presentUser } from '../user/view.ts';
import type { Identity, IdentityInput } from './identity.ts';
import type { RegistrationRow } from './row.ts';

export interface RegistrationInput extends IdentityInput {
  readonly password: string;
  readonly password_confirmation?: string | undefined;
  readonly device_name?: string | undefined;
}

export interface RegistrationDraftsDeps {
  readonly clock: Clock;
  /** Sign the user in at once where no verification is needed (`registration.auto_login`). */
  readonly autoLogin: boolean;
  readonly credentials: CredentialCreator;
  readonly flows: FlowDrafts;
  readonly mails: MailQueue;
  readonly mailBudget: MailBudget;
  readonly sessions: SessionIssuer;
  readonly events: Events;
}

/** What will be written, and what will be answered if it is. */
export interface RegistrationDraft {
  readonly row: RegistrationRow;
  readonly answer: FlowAnswer;
}

export type RegistrationDrafts = ReturnType<typeof createRegistrationDrafts>;

/**
 * Draws all that belongs to a new account (id, credential, session or flow, mails) before anything is
 * written, so that a batch of them is one statement.
 */
export function createRegistrationDrafts(deps: RegistrationDraftsDeps) {
  /** An account that is usable at once. */
  async function active(
    input: RegistrationInput,
    identity: Identity,
    client: ClientInfo,
  ): Promise<RegistrationDraft> {
    const base = await draftUser(input, identity, client, 'active');
    const user = presentNew(base);
    if (!deps.autoLogin) return { row: base, answer: { status: 'registered', user } };

    const session = deps.sessions.draft(base.id, {
      amr: ['pwd'],
      deviceName: input.device_name ?? null,
      client,
    });
    const tokens = await deps.sessions.sign({
      ...session,
      role: 'user',
      counter: 0,
      at: session.createdAt,
    });
    return { row: { ...base, session }, answer: { status: 'authenticated', user, tokens } };
  }

  /** An account whose mailbox is to be proved. */
  async function unverified(
    input: RegistrationInput,
    identity: Identity,
    client: ClientInfo,
  ): Promise<RegistrationDraft> {
    // The name is claimed with the proof of the mailbox: to refuse it now would tell whether the address
    // is new.
    const unclaimed = { ...identity, usernameKey: null };
    const base = await draftUser(input, unclaimed, client, 'pending');
    const email = base.email!;
    const flow = await deps.flows.draft({
      purpose: 'verify',
      origin: 'register',
      user: null,
      address: email,
      deviceName: input.device_name ?? null,
    });
    const answer = verificationRequired(flow, email);
    // Whether the address is new is known only in the statement, so both mails are drafted and one goes.
    // Either counts as a code mail: a budget of its own would tell which it was.
    if (!(await deps.mailBudget.take('verify_email', email, client)))
      return { row: { ...base, flow }, answer };
    const mail = { userId: null, recipient: email };
    const [codeMail, takenMail] = await Promise.all([
      deps.mails.draft({
        ...mail,
        kind: 'verify_email',
        data: codeOf(flow),
      }),
      deps.mails.draft({ ...mail, kind: 'address_taken', data: {} }),
    ]);
    return { row: { ...base, flow, codeMail, takenMail }, answer };
  }

  async function draftUser(
    input: RegistrationInput,
    identity: Identity,
    client: ClientInfo,
    status: 'active' | 'pending',
  ): Promise<RegistrationRow> {
    const createdAt = deps.clock.now();
    const id = uuidv7(createdAt.getTime());
    const payload = { status, username: identity.username, has_email: identity.email !== null };
    return {
      id,
      ...identity,
      status,
      createdAt,
      ip: client.ip,
      userAgent: client.userAgent,
      requestId: client.requestId,
      credential: await deps.credentials.forRegistration(id, input.password),
      ...(deps.events.enabled
        ? { event: deps.events.draft({ type: 'user.registered', userId: id, payload }) }
        : {}),
    };
  }

  return { active, unverified };
}

function presentNew(row: RegistrationRow) {
  return presentUser({
    id: row.id,
    email: row.email,
    username: row.username,
    phone: row.phone,
    status: row.status,
    role: 'user',
    email_verified_at: null,
    version: 1,
    security_version: 1,
    created_at: row.createdAt,
    two_factor_enabled: false,
    recovery_codes_left: 0,
  });
}
