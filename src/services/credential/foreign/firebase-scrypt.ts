import { createCipheriv } from 'node:crypto';
import { isEqual } from '../../../crypto/equal.ts';
import { decodeBase64, type ForeignFormat, isPlausible } from './format.ts';
import { deriveScryptKey, isAffordableCost, isValidCost } from './scrypt-key.ts';

const FIREBASE =
  /^\$firescrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$([^$]+)\$([^$]+)\$([^$]+)\$([^$]+)$/;

const KEY_BYTES = 32;
const COUNTER_START = Buffer.alloc(16);

/**
 * Firebase's modified scrypt, as `$firescrypt$ln=…,r=…,p=…$salt$hash$salt separator$signer key`: the
 * derived key encrypts the project's signer key (AES-256-CTR from zero), and that is the hash. `ln` is
 * the project's memory cost, `r` its rounds.
 */
export const firebaseScrypt: ForeignFormat = {
  name: 'firebase-scrypt',
  recognises: (text) => text.startsWith('$firescrypt$'),
  parse(text) {
    const [, ln, r, p, ...encoded] = FIREBASE.exec(text) ?? [];
    const [salt, digest, separator, signerKey] = encoded.map(decodeBase64);
    if (!salt || !digest || !separator || !signerKey) return 'malformed';
    const cost = { n: 2 ** Number(ln), r: Number(r), p: Number(p) };
    if (!isValidCost(cost) || !isPlausible(salt, digest)) return 'malformed';
    if (digest.length !== signerKey.length) return 'malformed';
    if (!isAffordableCost(cost)) return 'too_costly';

    const fullSalt = Buffer.concat([salt, separator]);
    return {
      matches: (password, hasher) =>
        hasher.run(async () => {
          const key = await deriveScryptKey(password, fullSalt, cost, KEY_BYTES);
          const cipher = createCipheriv('aes-256-ctr', key, COUNTER_START);
          return isEqual(cipher.update(signerKey), digest);
        }),
    };
  },
};
