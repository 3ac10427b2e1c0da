import { isEqual } from '../../../crypto/equal.ts';
import { decodeBase64, decodeHex, type ForeignFormat, isPlausible } from './format.ts';
import { deriveScryptKey, isAffordableCost, isValidCost, type ScryptCost } from './scrypt-key.ts';

interface Parts {
  readonly cost: ScryptCost;
  readonly salt: Buffer | null;
  readonly digest: Buffer | null;
}

const PHC = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$([^$]+)\$([^$]+)$/;
const DJANGO = /^scrypt\$(\d{1,10})\$([^$]+)\$(\d{1,4})\$(\d{1,4})\$([^$]+)$/;
const WERKZEUG = /^scrypt:(\d{1,10}):(\d{1,4}):(\d{1,4})\$([^$]+)\$([^$]+)$/;

/**
 * `$scrypt$ln=…,r=…,p=…$salt$hash` (PHC), `scrypt$n$salt$r$p$hash` (Django) and
 * `scrypt:n:r:p$salt$hex` (Werkzeug, Flask).
 */
export const scrypt: ForeignFormat = {
  name: 'scrypt',
  recognises: (text) => /^\$?scrypt[$:]/.test(text),
  parse(text) {
    const parts = readPhc(text) ?? readDjango(text) ?? readWerkzeug(text);
    if (parts === null || !isValidCost(parts.cost)) return 'malformed';
    const { cost, salt, digest } = parts;
    if (salt === null || digest === null || !isPlausible(salt, digest)) return 'malformed';
    if (!isAffordableCost(cost)) return 'too_costly';
    return {
      matches: (password, hasher) =>
        hasher.run(async () =>
          isEqual(await deriveScryptKey(password, salt, cost, digest.length), digest),
        ),
    };
  },
};

function readPhc(text: string): Parts | null {
  const [, ln, r, p, salt = '', digest = ''] = PHC.exec(text) ?? [];
  if (ln === undefined) return null;
  const cost = { n: 2 ** Number(ln), r: Number(r), p: Number(p) };
  return { cost, salt: decodeBase64(salt), digest: decodeBase64(digest) };
}

function readDjango(text: string): Parts | null {
  const [, n, salt = '', r, p, digest = ''] = DJANGO.exec(text) ?? [];
  if (n === undefined) return null;
  const cost = { n: Number(n), r: Number(r), p: Number(p) };
  return { cost, salt: Buffer.from(salt), digest: decodeBase64(digest) };
}

function readWerkzeug(text: string): Parts | null {
  const [, n, r, p, salt = '', digest = ''] = WERKZEUG.exec(text) ?? [];
  if (n === undefined) return null;
  const cost = { n: Number(n), r: Number(r), p: Number(p) };
  return { cost, salt: Buffer.from(salt), digest: decodeHex(digest) };
}
