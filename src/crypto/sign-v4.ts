import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { PAE } from 'paseto';

/** PKCS #8 header of an Ed25519 seed (RFC 8410 section 7). */
const PKCS8_HEADER = Buffer.from('302e020100300506032b657004220420', 'hex');
const HEADER = 'v4.public.';
const HEADER_BYTES = Buffer.from(HEADER);
const NO_BYTES = Buffer.alloc(0);

/**
 * Imports an Ed25519 key.
 * @param seed 32 bytes, from which Ed25519 derives the whole key (RFC 8032 §5.1.5)
 * @throws TypeError for any other length
 */
export function secretKeyFromSeed(seed: Buffer): KeyObject {
  if (seed.length !== 32) throw new TypeError('an Ed25519 seed is 32 bytes');
  const der = Buffer.concat([PKCS8_HEADER, seed]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/**
 * Signs a PASETO v4.public token (PASETO specification, Version 4, "Sign").
 *
 * Here and now: the library signs through Web Cryptography, which takes each signature to a thread
 * and back. That costs more than the signature, and where every core hashes passwords, it waits.
 * @param message the claims as JSON
 */
export function signV4Public(
  key: KeyObject,
  message: Uint8Array,
  footer: Uint8Array,
  implicitAssertion: Uint8Array = NO_BYTES,
): string {
  const signature = sign(null, PAE([HEADER_BYTES, message, footer, implicitAssertion]), key);
  const body = Buffer.concat([message, signature]).toString('base64url');
  const tail = footer.length === 0 ? '' : `.${Buffer.from(footer).toString('base64url')}`;
  return HEADER + body + tail;
}
