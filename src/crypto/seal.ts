import { createCipheriv, createDecipheriv } from 'node:crypto';
import { randomBytes } from './random.ts';
import { importSecretKey } from './secret-key.ts';

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES;

/**
 * Encrypts with AES-256-GCM: `version(1) || nonce(12) || ciphertext || tag(16)`.
 * @param key 32 bytes; with random nonces good for 2^32 messages (NIST SP 800-38D section 8.3)
 * @param aad names the row and column it is for: moved to another row, it does not open
 */
export function seal(key: Buffer, plaintext: Uint8Array, aad: Uint8Array | string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', importSecretKey(key), nonce);
  cipher.setAAD(bytesOf(aad));
  const body = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([Buffer.of(VERSION), nonce, body, cipher.getAuthTag()]);
}

/**
 * Decrypts what `seal` made.
 * @throws Error, always the same, whatever is wrong: key, row, version or a single bit
 */
export function open(key: Buffer, sealed: Uint8Array, aad: Uint8Array | string): Buffer {
  const bytes = Buffer.from(sealed);
  if (bytes.length < OVERHEAD || bytes[0] !== VERSION)
    throw new Error('sealed value does not open');
  const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
  const body = bytes.subarray(1 + NONCE_BYTES, -TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', importSecretKey(key), nonce, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(bytesOf(aad)).setAuthTag(bytes.subarray(-TAG_BYTES));
  const plaintext = decipher.update(body);
  try {
    decipher.final();
  } catch {
    // Which of the reasons it was helps nobody but an attacker.
    throw new Error('sealed value does not open');
  }
  return plaintext;
}

function bytesOf(aad: Uint8Array | string): Uint8Array {
  return typeof aad === 'string' ? Buffer.from(aad) : aad;
}
