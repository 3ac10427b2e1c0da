// Verifies authctl access tokens without asking authctl about each of them.
// Node 24; npm install paseto@4
import { type Claims, InspectFooter, PasetoError, PublicProtocol } from 'paseto';
import { ImportPublicKeyFactory, type PublicKey, VerifyFactory } from 'paseto/v4/public';

export interface TokenVerifierOptions {
  /** Where authctl's public listener is: `https://auth.example.com`. */
  readonly url: string;
  /** As `authctl keys export --json` prints it. */
  readonly issuer: string;
  /** Set it where authctl has `audience` set: tokens for others are refused then. */
  readonly audience?: string;
  readonly now?: () => Date;
}

export interface AccessClaims extends Claims {
  /** User id. */
  readonly sub: string;
  /** Session id. */
  readonly sid: string;
  readonly role: string;
  /** How the user signed in (RFC 8176): `pwd`, `otp`, `mfa`, … */
  readonly amr: readonly string[];
}

const v4 = new PublicProtocol(ImportPublicKeyFactory, VerifyFactory);

/** How far the clocks of this machine and of authctl may differ. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** Tokens have about 500 characters; longer texts are refused before any work. */
const MAX_TOKEN_CHARACTERS = 2_048;

/**
 * Returns a function that answers the claims of a good token and null for every other text. It
 * throws while authctl's keys cannot be had: answer 503 then, not 401.
 */
export function createTokenVerifier({
  url,
  issuer,
  audience,
  now = () => new Date(),
}: TokenVerifierOptions) {
  const findKey = createKeyFinder(url, now);

  return async function verify(token: string): Promise<AccessClaims | null> {
    const kid = readKid(token);
    const key = kid === null ? null : await findKey(kid);
    if (!key) return null;
    try {
      const { claims } = await v4.Verify(key, token, {
        now: now(),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        issuer,
        ...(audience === undefined ? {} : { audience }),
      });
      return isAccessClaims(claims) ? claims : null;
    } catch (error) {
      if (error instanceof PasetoError) return null;
      throw error;
    }
  };
}

/** The footer only says which key to try; the signature then covers it too. */
function readKid(token: string): string | null {
  if (token.length > MAX_TOKEN_CHARACTERS || !token.startsWith('v4.public.')) return null;
  try {
    const footer: unknown = JSON.parse(new TextDecoder().decode(InspectFooter(token)));
    const isObject = typeof footer === 'object' && footer !== null && 'kid' in footer;
    return isObject && typeof footer.kid === 'string' ? footer.kid : null;
  } catch {
    return null;
  }
}

function isAccessClaims(claims: Claims): claims is AccessClaims {
  const { sub, sid, role, amr } = claims;
  return [sub, sid, role].every((claim) => typeof claim === 'string') && Array.isArray(amr);
}

/** The keys are used for a minute, as `Cache-Control: max-age=60` says. */
const MAX_AGE_MS = 60_000;
/** An unknown key id is a reason to ask again, but no stranger decides how often. */
const ASK_AT_MOST_EVERY_MS = 5_000;
/** While authctl cannot be reached, the last keys will do for this long. */
const USABLE_MS = 600_000;

interface PublishedKey {
  readonly kid: string;
  readonly paserk: `k4.public.${string}`;
  readonly not_after: string | null;
}

function createKeyFinder(url: string, now: () => Date) {
  let keys = new Map<string, { publicKey: PublicKey; notAfter: number }>();
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;
  let failure: unknown;

  async function fetchKeys(): Promise<void> {
    askedAt = now().getTime();
    const answer = await fetch(new URL('/v1/keys', url), { signal: AbortSignal.timeout(3_000) });
    if (!answer.ok) throw new Error(`/v1/keys answered ${answer.status}`);
    const published = (await answer.json()) as { keys: PublishedKey[] };
    const imported = published.keys.map(async ({ kid, paserk, not_after }) => {
      const notAfter = not_after === null ? Number.POSITIVE_INFINITY : Date.parse(not_after);
      return [kid, { publicKey: await v4.ImportPublicKey(paserk), notAfter }] as const;
    });
    keys = new Map(await Promise.all(imported));
    fetchedAt = askedAt;
  }

  /** One question at a time, for everybody who waits for its answer. */
  function ask(): Promise<void> {
    asking ??= fetchKeys()
      .catch((error: unknown) => {
        failure = error;
      })
      .finally(() => {
        asking = undefined;
      });
    return asking;
  }

  return async function findKey(kid: string): Promise<PublicKey | null> {
    const at = now().getTime();
    const isCurrent = keys.has(kid) && at - fetchedAt < MAX_AGE_MS;
    if (!isCurrent && (asking || at - askedAt >= ASK_AT_MOST_EVERY_MS)) await ask();
    if (at - fetchedAt >= USABLE_MS)
      throw new Error(`no current keys of ${url}`, { cause: failure });
    const found = keys.get(kid);
    return found && found.notAfter > at ? found.publicKey : null;
  };
}
