import { blake2b } from '@noble/hashes/blake2.js';

/**
 * PASERK serialisations of Ed25519 public keys for PASETO v4. The paseto library has no k4
 * identifiers, as WebCrypto lacks BLAKE2b.
 */

/** The published form of a public key: `k4.public.` and its base64url. @throws TypeError unless 32 bytes */
export function k4Public(publicKey: Uint8Array): `k4.public.${string}` {
  if (publicKey.length !== 32) throw new TypeError('an Ed25519 public key is 32 bytes');
  return `k4.public.${Buffer.from(publicKey).toString('base64url')}`;
}

/** The identifier of a public key (PASERK operations, ID: BLAKE2b-264). @throws TypeError unless 32 bytes */
export function k4Pid(publicKey: Uint8Array): `k4.pid.${string}` {
  const header = 'k4.pid.';
  const digest = blake2b(Buffer.from(header + k4Public(publicKey)), { dkLen: 33 });
  return `${header}${Buffer.from(digest).toString('base64url')}`;
}
