import { hash } from 'node:crypto';
import { readBase64url } from './base64url.ts';
import { isEqual } from './equal.ts';
import { mac } from './mac.ts';
import { formatUuid, uuidBytes } from './random.ts';

/**
 * Refresh tokens without a token table: a session's tokens differ in their counter only, so the
 * successor of a token is known before it is made, and a retry after a lost answer gets the same.
 *
 * `rt_` + base64url(version(1) || kid(4) || session(16) || counter(4) || secret(16) || mac(32))
 *
 * The secret is drawn per session and the database keeps its digest alone; the MAC key is not in
 * the database in the clear. So neither the one nor the other suffices to make a token.
 */
export interface RefreshToken {
  readonly sessionId: string;
  /** The token's place in the session's chain: 0 to 2^31-1. */
  readonly counter: number;
  /** The session's own 16 random bytes. */
  readonly secret: Buffer;
}

export interface RefreshKey {
  /** `refresh-` and 8 hexadecimal digits. */
  readonly kid: string;
  /** 32 bytes. */
  readonly secret: Buffer;
}

const PREFIX = 'rt_';
const VERSION = 1;
const SECRET_BYTES = 16;
const MAX_COUNTER = 0x7fff_ffff;
const AT = { kid: 1, session: 5, counter: 21, secret: 25, mac: 41, end: 73 } as const;
const TOKEN_CHARACTERS = PREFIX.length + Math.ceil((AT.end * 4) / 3);

/** Writes a refresh token: the same input makes the same token. */
export function mintRefreshToken(key: RefreshKey, token: RefreshToken): string {
  const { counter, secret } = token;
  if (secret.length !== SECRET_BYTES) throw new TypeError('a session secret is 16 bytes');
  if (!Number.isInteger(counter) || counter < 0 || counter > MAX_COUNTER)
    throw new RangeError('a refresh counter is 0 to 2^31-1');
  const body = Buffer.alloc(AT.mac);
  body[0] = VERSION;
  kidBytes(key.kid).copy(body, AT.kid);
  uuidBytes(token.sessionId).copy(body, AT.session);
  body.writeUInt32BE(counter, AT.counter);
  secret.copy(body, AT.secret);
  return PREFIX + Buffer.concat([body, macOf(key.secret, body)]).toString('base64url');
}

/** The id of the key that a text says it was minted with; null where it is no refresh token. */
export function refreshTokenKid(text: string): string | null {
  const bytes = decode(text);
  return bytes && kidOf(bytes);
}

/**
 * Reads a refresh token that was minted with one of the keys.
 * @returns null for every other text, a different spelling of a good token included
 */
export function readRefreshToken(
  keys: ReadonlyMap<string, Buffer>,
  text: string,
): RefreshToken | null {
  const bytes = decode(text);
  const key = bytes && keys.get(kidOf(bytes));
  if (!bytes || !key) return null;
  if (!isEqual(macOf(key, bytes.subarray(0, AT.mac)), bytes.subarray(AT.mac))) return null;
  return {
    sessionId: formatUuid(bytes.subarray(AT.session, AT.counter)),
    counter: bytes.readUInt32BE(AT.counter),
    secret: bytes.subarray(AT.secret, AT.mac),
  };
}

function decode(text: string): Buffer | null {
  if (text.length !== TOKEN_CHARACTERS || !text.startsWith(PREFIX)) return null;
  const bytes = readBase64url(text.slice(PREFIX.length));
  return bytes?.length === AT.end && bytes[0] === VERSION ? bytes : null;
}

function kidOf(bytes: Buffer): string {
  return `refresh-${bytes.toString('hex', AT.kid, AT.session)}`;
}

/** What the database keeps of a session's secret. Random bytes need no slow hash. */
export function digestSessionSecret(secret: Buffer): Buffer {
  return hash('sha256', secret, 'buffer');
}

function macOf(key: Buffer, body: Buffer): Buffer {
  return mac(key, 'authctl/refresh/v1', body);
}

function kidBytes(kid: string): Buffer {
  const bytes = Buffer.from(/^refresh-([0-9a-f]{8})$/.exec(kid)?.[1] ?? '', 'hex');
  if (bytes.length !== 4) throw new TypeError('a refresh key id is refresh- and 8 hex digits');
  return bytes;
}
