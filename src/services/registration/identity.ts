import type { Config } from '../../../config/index.ts';
import { AppError, type FieldError } from '../../errors.ts';
import { type Judged, judgeEmail, judgePhone, judgeUsername } from './identity-fields.ts';

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
  function read<T>(
    raw: string | undefined,
    judge: (raw: string, policy: IdentityPolicy) => Judged<T>,
  ): T | null {
    if (raw === undefined) return null;
    const judged = judge(raw, policy);
    if ('value' in judged) return judged.value;
    problems.push(judged.problem);
    return null;
  }

  const email = read(input.email, judgeEmail);
  const username = read(input.username, judgeUsername);
  const phone = read(input.phone, judgePhone);
  problems.push(...findMissingIdentity(input, policy));
  if (problems.length > 0) throw new AppError('validation_failed', { fields: problems });
  return {
    email,
    username: username?.display ?? null,
    usernameKey: username?.key ?? null,
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
