/** What keys there are. All are 32 random bytes, sealed at rest by the master key. */
export const KEY_KINDS = [
  // Ed25519 seed that signs access tokens (PASETO v4.public).
  'signing',
  // HMAC key of the password prehash.
  'pepper',
  // HMAC key of refresh tokens.
  'refresh',
  // AES-256-GCM key that seals TOTP seeds, queued mail and stored answers.
  'data',
  // HMAC key of mailed codes, recovery codes and idempotency keys.
  'code',
] as const;

export type KeyKind = (typeof KEY_KINDS)[number];
/** Those that only authctl itself knows: one writes, and all that are left still read. */
export type SecretKind = Exclude<KeyKind, 'signing'>;
/** `next` is published before it signs, so that verifiers already know it when it does. */
export type KeyStatus = 'next' | 'active' | 'retiring' | 'retired';
