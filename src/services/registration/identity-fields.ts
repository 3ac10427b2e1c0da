import { canonicaliseEmail, canonicaliseUsername, normalisePhone } from '../../crypto/canonical.ts';
import type { FieldError } from '../../errors.ts';
import { type IdentityPolicy, isUsernameUnique } from './identity.ts';

/** A field in canonical form, or what is wrong with it. */
export type Judged<T> = { readonly value: T } | { readonly problem: FieldError };

export interface Username {
  readonly display: string;
  /** What it is compared by; null where usernames need not be unique. */
  readonly key: string | null;
}

export function judgeEmail(raw: string, { identifier }: IdentityPolicy): Judged<string> {
  if (identifier === 'username')
    return notAllowed('/email', 'Accounts here have no e-mail address.');
  const email = canonicaliseEmail(raw);
  return email === null ? badFormat('/email', 'This is not an e-mail address.') : { value: email };
}

export function judgeUsername(raw: string, policy: IdentityPolicy): Judged<Username> {
  const isUnique = isUsernameUnique(policy);
  if (policy.usernames === 'off' && !isUnique)
    return notAllowed('/username', 'Usernames are switched off.');
  const username = canonicaliseUsername(raw);
  if (!username)
    return badFormat('/username', 'Use 3 to 32 letters, digits, dots, hyphens and underscores.');
  return { value: { display: username.display, key: isUnique ? username.key : null } };
}

export function judgePhone(raw: string, { phones }: IdentityPolicy): Judged<string> {
  if (phones === 'off') return notAllowed('/phone', 'Telephone numbers are switched off.');
  const phone = normalisePhone(raw);
  return phone === null
    ? badFormat('/phone', 'Write the number like +41791234567.')
    : { value: phone };
}

function badFormat(pointer: string, detail: string): { problem: FieldError } {
  return { problem: { pointer, code: 'bad_format', detail } };
}

function notAllowed(pointer: string, detail: string): { problem: FieldError } {
  return { problem: { pointer, code: 'not_allowed', detail } };
}
