import { mac } from './mac.ts';
import { uuidBytes } from './random.ts';

/**
 * The keyed prehash of a password: the input of Argon2id in every path, and what a pending row
 * holds until then. Without the pepper nobody can test a guess against it; user id and salt make
 * it worthless for any other row. The formula is frozen: changing a byte locks everybody out.
 *
 * `x = HMAC-SHA-256(pepper, "authctl/pw/v1" || 0x00 || user_id(16) || salt(16) || NFC(password))`
 *
 * NFC makes one password of the two ways an accent can be typed (NIST SP 800-63B section 3.1.1.2);
 * nothing is trimmed, cut or folded.
 */
export function prehash(pepper: Buffer, userId: string, salt: Buffer, password: string): Buffer {
  if (salt.length !== 16) throw new TypeError('a password salt is 16 bytes');
  return mac(pepper, 'authctl/pw/v1', uuidBytes(userId), salt, password.normalize('NFC'));
}
