import { hash } from 'node:crypto';
import { readBase64url } from './base64url.ts';
import { randomBytes } from './random.ts';

/** `ft_`: a flow in progress. `op_`: an operator of the management API. */
export type OpaquePrefix = 'ft_' | 'op_';

export interface OpaqueToken {
  /** Handed out once, never stored. */
  readonly token: string;
  /** What is stored. */
  readonly digest: Buffer;
}

const TOKEN_BYTES = 32;
const TOKEN_CHARACTERS = 43;

/** Makes a token of 256 random bits. */
export function createOpaqueToken(prefix: OpaquePrefix): OpaqueToken {
  const token = prefix + randomBytes(TOKEN_BYTES).toString('base64url');
  return { token, digest: digestOf(token) };
}

/**
 * The stored digest of a presented token; null when the text cannot be one, so that nothing is
 * looked up. The prefix is part of the digest: no kind of token passes as another.
 */
export function digestOpaqueToken(prefix: OpaquePrefix, presentedToken: string): Buffer | null {
  if (presentedToken.length !== prefix.length + TOKEN_CHARACTERS) return null;
  if (!presentedToken.startsWith(prefix)) return null;
  return readBase64url(presentedToken.slice(prefix.length)) && digestOf(presentedToken);
}

/** Plain SHA-256: 256 random bits cannot be guessed, so a slow or keyed hash would add nothing. */
function digestOf(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
