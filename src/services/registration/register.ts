import { domainOf } from '../../crypto/canonical.ts';
import { AppError, fieldError } from '../../errors.ts';
import type { Batcher } from '../../lib/batcher.ts';
import { parseIdentifier } from '../account/find.ts';
import type { ClientInfo } from '../client-info.ts';
import type { DomainDirectory } from '../domain/directory.ts';
import type { FlowAnswer } from '../flow/answers.ts';
import type { Limits } from '../limit/limits.ts';
import type { PasswordPolicy } from '../password/policy.ts';
import type { Conflicts } from './conflicts.ts';
import type { RegistrationDrafts, RegistrationInput } from './draft.ts';
import type { Idempotency } from './idempotency.ts';
import { type Identity, type IdentityPolicy, parseIdentity } from './identity.ts';
import type { RegistrationRow } from './row.ts';

export interface RegisterDeps {
  readonly identities: IdentityPolicy;
  readonly domains: DomainDirectory;
  readonly limits: Limits;
  readonly passwords: PasswordPolicy;
  readonly idempotency: Idempotency;
  readonly drafts: RegistrationDrafts;
  readonly batch: Batcher<RegistrationRow, boolean>;
  readonly conflicts: Conflicts;
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

    const draft = mustVerify ? deps.drafts.unverified : deps.drafts.active;
    const { row, answer } = await draft(input, identity, client);
    const idempotency = await request?.columns(row.id, answer);
    const isCreated = await deps.batch.submit(idempotency ? { ...row, idempotency } : row);
    if (isCreated && !mustVerify) return answer;

    // Taken, or another request with the same key was faster. Where only the mailbox may tell, it is
    // looked for in any case: neither the time nor a used-up limit shows that the address was new.
    const winner = await request?.findWinner(row.id);
    if (isCreated) return answer;
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
}

/** Compared as passwords are: an accent typed in two ways is the same letter. */
function checkConfirmation({ password, password_confirmation: again }: RegistrationInput): void {
  if (again === undefined || again.normalize('NFC') === password.normalize('NFC')) return;
  throw fieldError('/password_confirmation', 'mismatch', 'It differs from the password.');
}
