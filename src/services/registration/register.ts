import { domainOf } from '../../crypto/canonical.ts';
import { uuidv7 } from '../../crypto/random.ts';
import { AppError, fieldError } from '../../errors.ts';
import type { Batcher } from '../../lib/batcher.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClientInfo } from '../client-info.ts';
import type { CredentialCreator } from '../credential/create.ts';
import type { DomainDirectory } from '../domain/directory.ts';
import type { Events } from '../event/events.ts';
import { type FlowAnswer, verificationRequired } from '../flow/answers.ts';
import type { FlowDrafts } from '../flow/draft.ts';
import { codeOf } from '../flow/live-code.ts';
import type { Limits } from '../limit/limits.ts';
import type { MailBudget } from '../limit/mail-budget.ts';
import { parseIdentifier } from '../login/account.ts';
import type { MailQueue } from '../mail/draft.ts';
import type { PasswordPolicy } from '../password/policy.ts';
import type { SessionIssuer } from '../session/issue.ts';
import { presentUser } from '../user/view.ts';
import type { Conflicts } from './conflicts.ts';
import type { Idempotency } from './idempotency.ts';
import {
  type Identity,
  type IdentityInput,
  type IdentityPolicy,
  parseIdentity,
} from './identity.ts';
import type { RegistrationRow } from './row.ts';

export interface RegistrationInput extends IdentityInput {
  readonly password: string;
  readonly password_confirmation?: string | undefined;
  readonly device_name?: string | undefined;
}

export interface RegisterDeps {
  readonly clock: Clock;
  readonly identities: IdentityPolicy;
  /** Sign the user in at once where no verification is needed (`registration.auto_login`). */
  readonly autoLogin: boolean;
  readonly domains: DomainDirectory;
  readonly passwords: PasswordPolicy;
  readonly credentials: CredentialCreator;
  readonly idempotency: Idempotency;
  readonly batch: Batcher<RegistrationRow, boolean>;
  readonly conflicts: Conflicts;
  readonly flows: FlowDrafts;
  readonly mails: MailQueue;
  readonly limits: Limits;
  readonly mailBudget: MailBudget;
  readonly sessions: SessionIssuer;
  readonly events: Events;
}

/** What will be written, and what will be answered if it is. */
interface Draft {
  readonly row: RegistrationRow;
  readonly answer: FlowAnswer;
}

/**
 * Registers an account.
 *
 * Under the domain policy `none` (and for accounts without e-mail) the answer tells the truth:
 * created, or taken. Under `email_code` it is the same for a new and a taken address; only the
 * mailbox's owner learns which, by mail.
 * @throws AppError `validation_failed`, `password_too_weak`, `password_breached`,
 *   `domain_not_allowed`, `email_taken`, `username_taken`, `idempotency_conflict`, `rate_limited`,
 *   `overloaded`, `unavailable`
 */
export function createRegister(deps: RegisterDeps) {
  return async function register(
    input: RegistrationInput,
    client: ClientInfo,
    idempotencyKey: string | null,
  ): Promise<FlowAnswer> {
    const beginGuess = () => deps.limits.beginLogin(parseIdentifier(input)?.value ?? '', client);
    const request = idempotencyKey
      ? await deps.idempotency.begin(idempotencyKey, input, beginGuess)
      : null;
    const first = await request?.findFirstAnswer();
    if (first?.isCreated) return first.answer;

    const identity = parseIdentity(input, deps.identities);
    checkConfirmation(input);
    if (first) return answerTaken(identity, first.answer);
    await deps.limits.takeRegistration(client);
    const mustVerify = await needsVerification(identity);
    await deps.passwords.check(input.password, identity);
    if (mustVerify && (await deps.conflicts.isUsernameTaken(identity)))
      throw new AppError('username_taken');

    const { row, answer } = mustVerify
      ? await draftUnverified(input, identity, client)
      : await draftActive(input, identity, client);
    const idempotency = await request?.columns(row.id, answer);
    if (await deps.batch.submit(idempotency ? { ...row, idempotency } : row)) return answer;

    // Not created: taken, or another request with the same key was faster.
    const winner = await request?.findFirstAnswer();
    if (winner?.isCreated) return winner.answer;
    return answerTaken(identity, winner?.answer ?? answer);
  };

  /** A mailed code is promised whether or not the address is taken; all else is told as it is. */
  async function answerTaken(identity: Identity, answer: FlowAnswer): Promise<FlowAnswer> {
    if (answer.status === 'verification_required') return answer;
    const conflict = await deps.conflicts.find(identity);
    throw new AppError(conflict === 'username' ? 'username_taken' : 'email_taken');
  }

  async function needsVerification({ email }: Identity): Promise<boolean> {
    if (email === null) return false;
    const policy = await deps.domains.findPolicy(domainOf(email));
    if (policy === null) throw new AppError('domain_not_allowed');
    return policy === 'email_code';
  }

  async function draftActive(
    input: RegistrationInput,
    identity: Identity,
    client: ClientInfo,
  ): Promise<Draft> {
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

  async function draftUnverified(
    input: RegistrationInput,
    identity: Identity,
    client: ClientInfo,
  ): Promise<Draft> {
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
}

/** Compared as passwords are: an accent typed in two ways is the same letter. */
function checkConfirmation({ password, password_confirmation: again }: RegistrationInput): void {
  if (again === undefined || again.normalize('NFC') === password.normalize('NFC')) return;
  throw fieldError('/password_confirmation', 'mismatch', 'It differs from the password.');
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
