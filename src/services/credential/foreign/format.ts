import type { Hasher } from '../../../crypto/forge.ts';

/** A password hash made by another system, read and found affordable. */
export interface ForeignHash {
  /**
   * Whether it is the hash of this password (UTF-8), computed in the Forge.
   * @throws AppError `overloaded` when the Forge is full
   */
  matches(password: Buffer, hasher: Hasher): Promise<boolean>;
}

/** Why a string is not taken: no known format, a broken one, or one that costs too much to check. */
export type HashProblem = 'unknown_format' | 'malformed' | 'too_costly';

/** One family of password hash strings. */
export interface ForeignFormat {
  readonly name: string;
  /** Whether a string claims to be of this family. */
  recognises(text: string): boolean;
  parse(text: string): ForeignHash | Exclude<HashProblem, 'unknown_format'>;
}

/** Shorter digests could be hit by chance; longer ones or longer salts are nobody's. */
const DIGEST_BYTES = { least: 16, most: 128 };
const SALT_BYTES = { least: 4, most: 128 };

/** Whether salt and digest were read and have a plausible length. */
export function isPlausible(salt: Buffer | null, digest: Buffer | null): boolean {
  return isLong(salt, SALT_BYTES) && isLong(digest, DIGEST_BYTES);
}

function isLong(bytes: Buffer | null, { least, most }: { least: number; most: number }): boolean {
  return bytes !== null && bytes.length >= least && bytes.length <= most;
}

/** Reads base64 of the standard alphabet, padded or not, in its one canonical spelling; null else. */
export function decodeBase64(text: string): Buffer | null {
  const bare = text.replace(/={1,2}$/, '');
  const bytes = Buffer.from(bare, 'base64');
  const canonical = bytes.toString('base64');
  return text === canonical || text === canonical.replace(/=+$/, '') ? bytes : null;
}

/** Reads hexadecimal digits in either case; null where there is anything else. */
export function decodeHex(text: string): Buffer | null {
  return /^(?:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text, 'hex') : null;
}
