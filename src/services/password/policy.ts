import { AppError, type FieldError, fieldError } from '../../errors.ts';
import type { BreachCheck } from './breach-check.ts';
import type { CommonPasswords } from './common-passwords.ts';
import { type CharacterKind, findMissingKinds } from './composition.ts';
import { countCodePoints } from './fold.ts';
import { isBuiltOn, personalWords, wordsOf } from './personal-words.ts';

/** What a password may not contain or resemble: who its user is. */
export interface PasswordContext {
  readonly email: string | null;
  readonly username: string | null;
}

export interface PasswordPolicy {
  /**
   * Checks a new password before any hashing: what is free first, the network last.
   * @param pointer the field that holds it; `/password` unless told
   * @throws AppError `validation_failed` (length, characters), `password_too_weak` with every reason,
   *   `password_breached`, `unavailable`
   */
  check(password: string, context: PasswordContext, pointer?: string): Promise<void>;
}

export interface PasswordRules {
  /** In code points. */
  readonly minLength: number;
  /** Kinds of character that must be there. */
  readonly required: readonly CharacterKind[];
  /** What this service is called: no password is built on it. */
  readonly serviceNames: readonly string[];
  readonly common: CommonPasswords;
  /** null where no breach check is configured. */
  readonly breaches: BreachCheck | null;
}

/** Whatever the rules, more is not hashed: an attacker could buy work with long input. */
const MAX_PASSWORD_BYTES = 1_024;
const MAX_PASSWORD_CODE_POINTS = 256;

/** Checks new passwords; `docs/passwords.md` says why each rule is there. */
export function createPasswordPolicy(rules: PasswordRules): PasswordPolicy {
  const serviceWords = wordsOf(rules.serviceNames);

  async function findWeaknesses(
    password: string,
    context: PasswordContext,
    pointer: string,
  ): Promise<FieldError[]> {
    const weaknesses = findMissingKinds(password, rules.required, pointer);
    if (await rules.common.has(password)) {
      const detail = 'It is one of the passwords that are tried first.';
      weaknesses.push({ pointer, code: 'common', detail });
    }
    if (isBuiltOn(password, [...serviceWords, ...personalWords(context)])) {
      const detail = 'Little is left of it without your names or the name of this service.';
      weaknesses.push({ pointer, code: 'personal', detail });
    }
    return weaknesses;
  }

  return {
    async check(password, context, pointer = '/password') {
      checkCharacters(password, pointer);
      checkLength(password, rules.minLength, pointer);
      const fields = await findWeaknesses(password, context, pointer);
      if (fields.length > 0) throw new AppError('password_too_weak', { fields });
      if (!(await rules.breaches?.isKnown(password))) return;
      const detail = 'It is known from a data breach.';
      throw new AppError('password_breached', { fields: [{ pointer, code: 'breached', detail }] });
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

/** Also for passwords that do not come over HTTP: NUL ends a text in C, half a pair is no character. */
function checkCharacters(password: string, pointer: string): void {
  const isWhole = password.isWellFormed();
  if (isWhole && !password.includes('\0')) return;
  const detail = 'It holds a character that no password can have.';
  throw fieldError(pointer, isWhole ? 'nul' : 'lone_surrogate', detail);
}

function checkLength(password: string, minLength: number, pointer: string): void {
  if (countCodePoints(asHashed(password)) < minLength)
    throw lengthError(pointer, 'too_short', `at least ${minLength}`);
  checkMaximumLength(password, pointer);
}

/** What lengths count: the same password is no longer for having its accents typed apart. */
function asHashed(password: string): string {
  return password.normalize('NFC');
}

function isWithinMaximum(password: string): boolean {
  const hashed = asHashed(password);
  return (
    Buffer.byteLength(hashed) <= MAX_PASSWORD_BYTES &&
    countCodePoints(hashed) <= MAX_PASSWORD_CODE_POINTS
  );
}

function lengthError(pointer: string, code: string, range: string): AppError {
  return fieldError(pointer, code, `Use ${range} characters.`);
}
