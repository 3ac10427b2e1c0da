import { AppError } from '../../errors.ts';

/** What a password may not contain or resemble: who its user is. */
export interface PasswordContext {
  readonly email: string | null;
  readonly username: string | null;
}

export interface PasswordPolicy {
  /**
   * Checks a new password before any hashing.
   * @param pointer the field of the body it came in, for the error
   * @throws AppError `validation_failed` (length), `password_too_weak`, `password_breached`
   */
  check(password: string, context: PasswordContext, pointer?: string): Promise<void>;
}

export interface PasswordRules {
  /** In code points. */
  readonly minLength: number;
}

/** Whatever the rules, more is not hashed: an attacker could buy work with long input. */
export const MAX_PASSWORD_BYTES = 1_024;
export const MAX_PASSWORD_CODE_POINTS = 256;

/** Checks new passwords. */
export function createPasswordPolicy(rules: PasswordRules): PasswordPolicy {
  return {
    async check(password, _context, pointer = '/password') {
      if (countCodePoints(password) < rules.minLength)
        throw lengthError(pointer, 'too_short', `at least ${rules.minLength}`);
      if (!isWithinMaximum(password))
        throw lengthError(pointer, 'too_long', `at most ${MAX_PASSWORD_CODE_POINTS}`);
    },
  };
}

/**
 * Refuses a presented password that is longer than any stored one can be, before it is hashed; the
 * same for known and unknown users.
 * @throws AppError `validation_failed`
 */
export function checkMaximumLength(password: string, pointer: string): void {
  if (isWithinMaximum(password)) return;
  throw lengthError(pointer, 'too_long', `at most ${MAX_PASSWORD_CODE_POINTS}`);
}

function isWithinMaximum(password: string): boolean {
  return (
    Buffer.byteLength(password) <= MAX_PASSWORD_BYTES &&
    countCodePoints(password) <= MAX_PASSWORD_CODE_POINTS
  );
}

function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function lengthError(pointer: string, code: string, range: string): AppError {
  const detail = `Use ${range} characters.`;
  return new AppError('validation_failed', { fields: [{ pointer, code, detail }] });
}
