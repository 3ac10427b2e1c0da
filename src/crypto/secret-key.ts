import { createSecretKey, type KeyObject } from 'node:crypto';

const SECRET_KEY_BYTES = 32;

const imported = new WeakMap<Uint8Array, KeyObject>();

/**
 * The form of a 32-byte key that OpenSSL works with, remembered as long as the bytes live: making
 * it anew costs several times the MAC itself. Callers must not change the bytes of a key in place.
 * @throws TypeError when the key is not exactly 32 bytes
 */
export function importSecretKey(bytes: Uint8Array): KeyObject {
  const known = imported.get(bytes);
  if (known) return known;
  if (bytes.length !== SECRET_KEY_BYTES) throw new TypeError('a secret key is 32 bytes');
  const key = createSecretKey(bytes);
  imported.set(bytes, key);
  return key;
}
