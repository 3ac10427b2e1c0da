import { generateURI, ScureBase32Plugin, verifySync } from 'otplib';
import { randomBytes } from './random.ts';

/** RFC 4226 section 4, R6 asks for 128 bits and recommends 160. */
const SECRET_BYTES = 20;
const STEP_SECONDS = 30;
const base32 = new ScureBase32Plugin();

/** Draws the secret of an authenticator. */
export function generateTotpSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/**
 * Finds the time step whose code this is (RFC 6238: SHA-1, 6 digits, 30 s), among the current one
 * and its neighbours that come after `afterStep`. The caller stores the step in the statement that
 * consumes the code, so that a code works once, ever.
 * @param afterStep the last step accepted before; older codes are dead, also when the clock goes back
 * @returns the step, or null for a wrong, used or malformed code
 */
export function matchTotp(
  secret: Uint8Array,
  code: string,
  nowMs: number,
  afterStep: number,
): number | null {
  if (!/^[0-9]{6}$/.test(code)) return null;
  try {
    const result = verifySync({
      secret,
      token: code,
      epoch: Math.floor(nowMs / 1_000),
      epochTolerance: STEP_SECONDS,
      afterTimeStep: afterStep,
    });
    return result.valid && 'timeStep' in result ? result.timeStep : null;
  } catch {
    // otplib throws where `afterStep` lies ahead of the window: every code in it has been used.
    return null;
  }
}

/** The secret as people type it into an authenticator: base32 (RFC 4648 section 6), no padding. */
export function formatTotpSecret(secret: Uint8Array): string {
  return base32.encode(secret, { padding: false });
}

/** The text of the QR code that authenticators scan. */
export function totpUri(secret: Uint8Array, issuer: string, account: string): string {
  return generateURI({
    // A colon would end the issuer inside the label.
    issuer: issuer.replaceAll(':', ''),
    label: account,
    secret: formatTotpSecret(secret),
  });
}
