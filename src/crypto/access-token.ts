import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Claims, PasetoError, PublicProtocol } from 'paseto';
import { ImportPublicKeyFactory, type PublicKey, VerifyFactory } from 'paseto/v4/public';
import { k4Pid, k4Public } from './paserk.ts';
import { isUuid } from './random.ts';
import { secretKeyFromSeed, signV4Public } from './sign-v4.ts';

/** Access tokens: PASETO v4.public and nothing else. No version or purpose is read from a token. */
const v4 = new PublicProtocol(VerifyFactory, ImportPublicKeyFactory);

/** How far another node's clock may run ahead in `iat` and `nbf`. `exp` has no leeway. */
const CLOCK_LEEWAY_SECONDS = 60;
/** No access token lives longer, whatever its `exp` says; the bound of the configured lifetime. */
const MAX_ACCESS_TTL_SECONDS = 86_400;
/** Ours have 500 to 600 characters; longer texts are refused before any work. */
const MAX_TOKEN_CHARACTERS = 2_048;

export interface VerifyKey {
  /** PASERK id. */
  readonly kid: string;
  /** The footer of every token this key signs, byte for byte. */
  readonly footer: Uint8Array;
  readonly publicKey: PublicKey;
}

export interface SigningKey {
  /** PASERK id, `k4.pid.…`. */
  readonly kid: string;
  /** What is published, `k4.public.…`. */
  readonly paserk: string;
  readonly publicKey: Buffer;
  readonly secretKey: KeyObject;
  readonly verify: VerifyKey;
}

export interface AccessClaims {
  readonly issuer: string;
  /** User id. */
  readonly subject: string;
  readonly sessionId: string;
  readonly tokenId: string;
  readonly role: string;
  /** How the session was authenticated (RFC 8176): `pwd`, `otp`, … */
  readonly amr: readonly string[];
  /** Whole seconds count; also the start of validity. */
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly audience?: string | undefined;
}

type MaybeKey = VerifyKey | null | undefined;

export interface VerifyOptions {
  /** The key of an id; null for an unknown or retired one. The id has the right form already. */
  findKey(kid: string): MaybeKey | Promise<MaybeKey>;
  readonly now: Date;
  readonly issuer: string;
  /** When set, the token must carry exactly this audience. */
  readonly audience?: string | undefined;
}

/** Derives the whole Ed25519 key from its 32-byte seed: import once, keep the result. */
export async function signingKeyFromSeed(seed: Buffer): Promise<SigningKey> {
  const secretKey = secretKeyFromSeed(seed);
  const publicKey = createPublicKey(secretKey)
    .export({ format: 'der', type: 'spki' })
    .subarray(-32);
  const verify = await verifyKeyFromPublic(publicKey);
  return {
    kid: verify.kid,
    paserk: k4Public(publicKey),
    publicKey,
    secretKey,
    verify,
  };
}

/** Imports a 32-byte Ed25519 public key. */
export async function verifyKeyFromPublic(publicKey: Uint8Array): Promise<VerifyKey> {
  const kid = k4Pid(publicKey);
  return {
    kid,
    footer: Buffer.from(JSON.stringify({ kid })),
    publicKey: await v4.ImportPublicKey(k4Public(publicKey)),
  };
}

/** Signs an access token. */
export function signAccessToken(key: SigningKey, claims: AccessClaims): string {
  const issuedAt = toSeconds(claims.issuedAt);
  const payload = {
    iss: claims.issuer,
    sub: claims.subject,
    sid: claims.sessionId,
    jti: claims.tokenId,
    role: claims.role,
    amr: claims.amr,
    iat: issuedAt,
    nbf: issuedAt,
    exp: toSeconds(claims.expiresAt),
    ...(claims.audience === undefined ? {} : { aud: claims.audience }),
  };
  return signV4Public(key.secretKey, Buffer.from(JSON.stringify(payload)), key.verify.footer);
}

/**
 * Verifies an access token: signature, canonical spelling, footer, times, issuer, audience and the
 * type of every claim. Whether session and user still stand is for the caller to check.
 * @returns null for every token that is not good, whatever is wrong with it
 */
export async function verifyAccessToken(
  token: string,
  options: VerifyOptions,
): Promise<AccessClaims | null> {
  const kid = readKid(token);
  const key = kid === null ? null : await options.findKey(kid);
  if (!key) return null;
  try {
    const { claims } = await v4.Verify(key.publicKey, token, {
      footer: key.footer,
      now: options.now,
      clockTolerance: CLOCK_LEEWAY_SECONDS,
      issuer: options.issuer,
      ...(options.audience === undefined ? {} : { audience: options.audience }),
    });
    return readClaims(claims, options.now);
  } catch (error) {
    // Anything else is a fault of ours, such as a key of the wrong kind, and must be seen.
    if (error instanceof PasetoError) return null;
    throw error;
  }
}

const FOOTER_PATTERN = /^\{"kid":"(k4\.pid\.[A-Za-z0-9_-]{44})"\}$/;
const FOOTER_CHARACTERS = 82;

/**
 * The key id in a token's footer. The footer is not authenticated yet, so it is compared with the
 * one form we write instead of being parsed; the signature then covers it.
 */
function readKid(token: string): string | null {
  if (token.length > MAX_TOKEN_CHARACTERS || !token.startsWith('v4.public.')) return null;
  const footer = token.slice(token.lastIndexOf('.') + 1);
  if (footer.length !== FOOTER_CHARACTERS) return null;
  const text = Buffer.from(footer, 'base64url').toString('latin1');
  return FOOTER_PATTERN.exec(text)?.[1] ?? null;
}

/** Checks what the library leaves open: our own claims, no leeway on `exp`, a bounded lifetime. */
function readClaims(claims: Claims, now: Date): AccessClaims | null {
  const { iss, sub, sid, jti, role, amr, aud, iat, nbf, exp } = claims;
  if (!isId(sub) || !isId(sid) || !isId(jti)) return null;
  if (typeof iss !== 'string' || typeof role !== 'string' || !isTextList(amr)) return null;
  if (typeof iat !== 'string' || typeof nbf !== 'string' || typeof exp !== 'string') return null;
  const issuedAt = new Date(iat);
  const expiresAt = new Date(exp);
  const lifetimeSeconds = (expiresAt.getTime() - issuedAt.getTime()) / 1_000;
  if (!(expiresAt > now) || !(lifetimeSeconds <= MAX_ACCESS_TTL_SECONDS)) return null;
  return {
    issuer: iss,
    subject: sub,
    sessionId: sid,
    tokenId: jti,
    role,
    amr,
    issuedAt,
    expiresAt,
    ...(typeof aud === 'string' ? { audience: aud } : {}),
  };
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && isUuid(value);
}

function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}

/** RFC 3339 in UTC and whole seconds: the canonical form in PASETO claims. */
function toSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
