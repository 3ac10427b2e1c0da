import { pbkdf2 as derive } from 'node:crypto';
import { promisify } from 'node:util';
import { isEqual } from '../../../crypto/equal.ts';
import { decodeBase64, decodeHex, type ForeignFormat, isPlausible } from './format.ts';

interface Parts {
  readonly algorithm: string;
  readonly iterations: number;
  readonly salt: Buffer | null;
  readonly digest: Buffer | null;
}

/** About a second with SHA-512; Django's default passes one million. */
const MAX_ITERATIONS = 2_000_000;

const ALGORITHM = '(sha1|sha256|sha512)';
const PHC = new RegExp(
  `^\\$pbkdf2-${ALGORITHM}\\$(?:i=)?(\\d{1,10})(?:,l=(\\d{1,3}))?\\$([^$]+)\\$([^$]+)$`,
);
const PASSLIB_SHA1 = /^\$pbkdf2\$(\d{1,10})\$([^$]+)\$([^$]+)$/;
const DJANGO = new RegExp(`^pbkdf2_${ALGORITHM}\\$(\\d{1,10})\\$([^$]+)\\$([^$]+)$`);
const WERKZEUG = new RegExp(`^pbkdf2:${ALGORITHM}:(\\d{1,10})\\$([^$]+)\\$([^$]+)$`);

const deriveKey = promisify(derive);

/**
 * `$pbkdf2-sha256$i=…,l=…$salt$hash` (PHC; also without names, as passlib writes it),
 * `pbkdf2_sha256$…$salt$hash` (Django), `pbkdf2:sha256:…$salt$hex` (Werkzeug, Flask); with SHA-1 and
 * SHA-512 too.
 */
export const pbkdf2: ForeignFormat = {
  name: 'pbkdf2',
  recognises: (text) => /^\$?pbkdf2[-_:$]/.test(text),
  parse(text) {
    const parts = readPhc(text) ?? readPasslibSha1(text) ?? readDjango(text) ?? readWerkzeug(text);
    if (parts === null || parts.iterations < 1) return 'malformed';
    const { algorithm, iterations, salt, digest } = parts;
    if (salt === null || digest === null || !isPlausible(salt, digest)) return 'malformed';
    if (iterations > MAX_ITERATIONS) return 'too_costly';
    return {
      matches: (password, hasher) =>
        hasher.run(async () =>
          isEqual(await deriveKey(password, salt, iterations, digest.length, algorithm), digest),
        ),
    };
  },
};

function readPhc(text: string): Parts | null {
  const [, algorithm, iterations, length, salt = '', hash = ''] = PHC.exec(text) ?? [];
  if (algorithm === undefined) return null;
  const digest = decodePasslib(hash);
  if (length !== undefined && digest?.length !== Number(length)) return null;
  return { algorithm, iterations: Number(iterations), salt: decodePasslib(salt), digest };
}

function readPasslibSha1(text: string): Parts | null {
  const [, iterations, salt = '', hash = ''] = PASSLIB_SHA1.exec(text) ?? [];
  if (iterations === undefined) return null;
  const digest = decodePasslib(hash);
  return { algorithm: 'sha1', iterations: Number(iterations), salt: decodePasslib(salt), digest };
}

function readDjango(text: string): Parts | null {
  const [, algorithm, iterations, salt = '', hash = ''] = DJANGO.exec(text) ?? [];
  if (algorithm === undefined) return null;
  const digest = decodeBase64(hash);
  return { algorithm, iterations: Number(iterations), salt: Buffer.from(salt), digest };
}

function readWerkzeug(text: string): Parts | null {
  const [, algorithm, iterations, salt = '', hash = ''] = WERKZEUG.exec(text) ?? [];
  if (algorithm === undefined) return null;
  const digest = decodeHex(hash);
  return { algorithm, iterations: Number(iterations), salt: Buffer.from(salt), digest };
}

/** passlib writes `.` where base64 has `+`. */
function decodePasslib(text: string): Buffer | null {
  return decodeBase64(text.replaceAll('.', '+'));
}
