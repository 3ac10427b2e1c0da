/** What each kind of key is for. All are 32 random bytes, sealed at rest by the master key. */
export const KEY_KINDS = {
  signing: 'Ed25519 seed that signs access tokens (PASETO v4.public)',
  pepper: 'HMAC key of the password prehash',
  refresh: 'HMAC key of refresh tokens',
  data: 'AES-256-GCM key that seals TOTP seeds, queued mail and stored answers',
  code: 'HMAC key of mailed codes, recovery codes and idempotency keys',
} as const;

export type KeyKind = keyof typeof KEY_KINDS;
/** Those that only authctl itself knows: one writes, and all that are left still read. */
export type SecretKind = Exclude<KeyKind, 'signing'>;
/** `next` is published before it signs, so that verifiers already know it when it does. */
export type KeyStatus = 'next' | 'active' | 'retiring' | 'retired';
