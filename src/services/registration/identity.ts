import type { Config } from '../../../config/index.ts';
import { canonicaliseEmail, canonicaliseUsername, normalisePhone } from '../../crypto/canonical.ts';
import { AppError, type FieldError } from '../../errors.ts';

export interface IdentityPolicy {
  /** What an account is known by (`registration.identifier`). */
  readonly identifier: 'email' | 'username' | 'either';
  /** `display`: free text for people; `unique`: also a way to sign in. */
  readonly usernames: 'off' | 'display' | 'unique';
  readonly phones: 'off' | 'collect';
}

/** The policy as configured. */
export function identityPolicyOf({ registration, usernames, phones }: Config): IdentityPolicy {
  return { identifier: registration.identifier, usernames, phones };
}

/** Whether a username is unique, and so a way to sign in. */
export function isUsernameUnique({ usernames, identifier }: IdentityPolicy): boolean {
  return usernames === 'unique' || identifier !== 'email';
}

/** Who registers, in canonical form: at least one of `email` and `usernameKey` is there. */
export interface Identity {
  readonly email: string | null;
  readonly username: string | null;
  readonly usernameKey: string | null;
  readonly phone: string | null;
}

export interface IdentityInput {
  readonly email?: string | undefined;
  readonly username?: string | undefined;
  readonly phone?: string | undefined;
}

/**
 * Reads the identifying fields under the configured policy.
 * @throws AppError `validation_failed` with every field at fault
 */
export function parseIdentity(input: IdentityInput, policy: IdentityPolicy): Identity {
  const problems: FieldError[] = [];
  const isUnique = isUsernameUnique(policy);

  const email = input.email === undefined ? null : canonicaliseEmail(input.email);
  if (input.email !== undefined && policy.identifier === 'username')
    problems.push(notAllowed('/email', 'Accounts here have no e-mail address.'));
  else if (input.email !== undefined && email === null)
    problems.push(badFormat('/email', 'This is not an e-mail address.'));

  const username = input.username === undefined ? null : canonicaliseUsername(input.username);
  if (input.username !== undefined && policy.usernames === 'off' && !isUnique)
    problems.push(notAllowed('/username', 'Usernames are switched off.'));
  else if (input.username !== undefined && username === null)
    problems.push(
      badFormat('/username', 'Use 3 to 32 letters, digits, dots, hyphens and underscores.'),
    );

  const phone = input.phone === undefined ? null : normalisePhone(input.phone);
  if (input.phone !== undefined && policy.phones === 'off')
    problems.push(notAllowed('/phone', 'Telephone numbers are switched off.'));
  else if (input.phone !== undefined && phone === null)
    problems.push(badFormat('/phone', 'Write the number like +41791234567.'));

  problems.push(...findMissingIdentity(input, policy));
  if (problems.length > 0) throw new AppError('validation_failed', { fields: problems });
  return {
    email,
    username: username?.display ?? null,
    usernameKey: isUnique ? (username?.key ?? null) : null,
    phone,
  };
}

/** The identifying fields that the policy asks for and the input lacks. */
export function findMissingIdentity(
  input: { readonly email?: unknown; readonly username?: unknown },
  { identifier }: IdentityPolicy,
): FieldError[] {
  const hasEmail = input.email !== undefined;
  const hasUsername = input.username !== undefined;
  switch (identifier) {
    case 'email':
      return hasEmail ? [] : [required('/email', 'Is required.')];
    case 'username':
      return hasUsername ? [] : [required('/username', 'Is required.')];
    case 'either':
      return hasEmail || hasUsername
        ? []
        : [required('/email', 'An e-mail address or a username is required.')];
  }
}

function required(pointer: string, detail: string): FieldError {
  return { pointer, code: 'required', detail };
}

function badFormat(pointer: string, detail: string): FieldError {
  return { pointer, code: 'bad_format', detail };
}

function notAllowed(pointer: string, detail: string): FieldError {
  return { pointer, code: 'not_allowed', detail };
}
