import type { ErrorCode } from '../../errors.ts';
import { strictObject, withAtMostOne } from '../kernel/schema.ts';
import { Type } from '../kernel/typebox.ts';
import { FactorCode, RecoveryCodeText } from '../schemas/fields.ts';

/** What re-authentication may answer. */
export const REAUTHENTICATION_ERRORS = [
  'invalid_credentials',
  'two_factor_required',
  'invalid_code',
  'conflict',
  'rate_limited',
  'overloaded',
] as const satisfies readonly ErrorCode[];

/**
 * A body with a factor beside the password: one of the two where two-factor is on. A factor that is
 * missing is no 422 but a 403 `two_factor_required`, after the right password.
 */
export function withFactor<const P extends Type.TProperties>(properties: P) {
  return withAtMostOne(
    strictObject({
      ...properties,
      code: Type.Optional(FactorCode),
      recovery_code: Type.Optional(RecoveryCodeText),
    }),
    'code',
    'recovery_code',
  );
}
