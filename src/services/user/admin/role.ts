import { fieldError } from '../../../errors.ts';

/** A role travels in tokens and in a header of the forward-auth answer: plain, short, no separators. */
const ROLE = /^[a-z][a-z0-9_-]{0,31}$/;

export function isRole(role: string): boolean {
  return ROLE.test(role);
}

/** @throws AppError `validation_failed` */
export function checkRole(role: string): void {
  if (isRole(role)) return;
  throw fieldError(
    '/role',
    'bad_format',
    'Use 1 to 32 lower-case letters, digits, hyphens and underscores, a letter first.',
  );
}
