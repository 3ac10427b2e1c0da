import {
  type CanonicalUsername,
  canonicaliseUsername,
  normalisePhone,
} from '../../crypto/canonical.ts';
import { fieldError } from '../../errors.ts';
import { type IdentityPolicy, isUsernameUnique } from '../registration/identity.ts';

/**
 * Reads a username to be set: null removes it, undefined leaves it. The key is null where usernames
 * need not be unique.
 * @throws AppError `validation_failed`
 */
export function readUsername(
  raw: string | null | undefined,
  policy: IdentityPolicy,
): { display: string; key: string | null } | null | undefined {
  if (raw === undefined) return undefined;
  if (policy.usernames === 'off' && !isUsernameUnique(policy))
    throw fieldError('/username', 'not_allowed', 'Usernames are switched off.');
  if (raw === null) return null;
  const username: CanonicalUsername | null = canonicaliseUsername(raw);
  if (username) return { ...username, key: isUsernameUnique(policy) ? username.key : null };
  throw fieldError(
    '/username',
    'bad_format',
    'Use 3 to 32 letters, digits, dots, hyphens and underscores.',
  );
}

/**
 * Reads a telephone number to be set: null removes it, undefined leaves it.
 * @throws AppError `validation_failed`
 */
export function readPhone(
  raw: string | null | undefined,
  { phones }: IdentityPolicy,
): string | null | undefined {
  if (raw === undefined || raw === null) return raw;
  if (phones === 'off')
    throw fieldError('/phone', 'not_allowed', 'Telephone numbers are switched off.');
  const phone = normalisePhone(raw);
  if (phone) return phone;
  throw fieldError('/phone', 'bad_format', 'Write the number like +41791234567.');
}
