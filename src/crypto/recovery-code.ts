import { mac } from './mac.ts';
import { randomCode, uuidBytes } from './random.ts';
import { groupCode, readTypedCode } from './typed-code.ts';

const RECOVERY_CODES = 10;
const CODE_LENGTH = 16;

/** Draws ten recovery codes, `XXXX-XXXX-XXXX-XXXX`: 80 bits each. */
export function generateRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODES }, () => groupCode(randomCode(CODE_LENGTH)));
}

/** The bare form of a typed recovery code; null where it cannot be one. */
export function normaliseRecoveryCode(typed: string): string | null {
  return readTypedCode(typed, CODE_LENGTH);
}

/**
 * What is stored of a recovery code, and what it is found by: one MAC an attempt, whichever of the
 * codes it is, so time tells nothing. 80 bits need no slow hash.
 * @param code as `generateRecoveryCodes` or `normaliseRecoveryCode` returns it
 */
export function digestRecoveryCode(key: Buffer, userId: string, code: string): Buffer {
  return mac(key, 'authctl/recovery-code/v1', uuidBytes(userId), code.replaceAll('-', ''));
}
