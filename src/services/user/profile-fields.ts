import { AppError } from '../../errors.ts';
import type { IdentityPolicy } from '../registration/identity.ts';
import {
  type Judged,
  judgePhone,
  judgeUsername,
  type Username,
} from '../registration/identity-fields.ts';

/**
 * Reads a username to be set: null removes it, undefined leaves it. One that is there may be removed
 * though usernames are switched off.
 * @throws AppError `validation_failed`
 */
export function readUsername(
  raw: string | null | undefined,
  policy: IdentityPolicy,
): Username | null | undefined {
  return typeof raw === 'string' ? accept(judgeUsername(raw, policy)) : raw;
}

/** Reads a telephone number to be set, in the same way. @throws AppError `validation_failed` */
export function readPhone(
  raw: string | null | undefined,
  policy: IdentityPolicy,
): string | null | undefined {
  return typeof raw === 'string' ? accept(judgePhone(raw, policy)) : raw;
}

function accept<T>(judged: Judged<T>): T {
  if ('value' in judged) return judged.value;
  throw new AppError('validation_failed', { fields: [judged.problem] });
}
