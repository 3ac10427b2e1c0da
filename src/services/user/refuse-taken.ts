import { isUniqueViolation } from '../../db/errors.ts';
import { AppError } from '../../errors.ts';

/**
 * Passes on why a change of an account failed, for a `catch()`: that another account was faster to
 * take the same identifier is the caller's business.
 * @throws AppError `email_taken`, `username_taken`; any other error as it is
 */
export function refuseTaken(error: unknown): never {
  if (isUniqueViolation(error, 'users_email_key')) throw new AppError('email_taken');
  if (isUniqueViolation(error, 'users_username_key_key')) throw new AppError('username_taken');
  throw error;
}
