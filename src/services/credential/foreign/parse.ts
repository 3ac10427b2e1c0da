import { argon2 } from './argon2.ts';
import { bcrypt } from './bcrypt.ts';
import { firebaseScrypt } from './firebase-scrypt.ts';
import type { ForeignFormat, ForeignHash, HashProblem } from './format.ts';
import { pbkdf2 } from './pbkdf2.ts';
import { scrypt } from './scrypt.ts';

/** Every kind of password hash that can be imported. */
const FOREIGN_FORMATS: readonly ForeignFormat[] = [argon2, bcrypt, scrypt, firebaseScrypt, pbkdf2];

/** Printable ASCII without blanks, and longer than any string of these formats. */
const PLAIN_TEXT = /^[\x21-\x7e]{1,512}$/;

/** Reads another system's password hash, strictly, without computing anything; or says why not. */
export function parseForeignHash(text: string): ForeignHash | HashProblem {
  const format = FOREIGN_FORMATS.find(({ recognises }) => recognises(text));
  if (format === undefined) return 'unknown_format';
  return PLAIN_TEXT.test(text) ? format.parse(text) : 'malformed';
}
