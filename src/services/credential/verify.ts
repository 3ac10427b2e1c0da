import type { Argon2Params } from '../../crypto/argon2/engine.ts';
import { isEqual } from '../../crypto/equal.ts';
import type { Forge, Hasher, Reservation } from '../../crypto/forge.ts';
import { needsRehash, type Phc, parsePhc } from '../../crypto/phc.ts';
import { prehash } from '../../crypto/prehash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { type Db, type Queryable, statement } from '../../db/database.ts';
import type { Logger } from '../../lib/logger.ts';
import type { KeySet, Keys } from '../key/keyring.ts';
import type { CredentialCreator } from './create.ts';
import type { ForeignHash } from './foreign/format.ts';
import { parseForeignHash } from './foreign/parse.ts';
import { hashToPhc, SALT_BYTES } from './hash-to-phc.ts';
import { NOBODY, type StoredCredential } from './stored.ts';

export interface CredentialVerifierDeps {
  readonly db: Db;
  readonly keys: Keys;
  readonly forge: Forge;
  readonly creator: CredentialCreator;
  readonly params: Argon2Params;
  readonly log: Logger;
}

export type CredentialVerifier = ReturnType<typeof createCredentialVerifier>;

// Hardening and promotion change the form, not the password, so the version stays; whoever comes
// second finds no pending value and changes nothing.
const HARDEN = statement(
  'credentials.harden',
  `UPDATE credentials
   SET phc = $3, pending = NULL, pending_since = NULL, lease_until = NULL, attempts = 0,
       parked_at = NULL, parked_reason = NULL, updated_at = now()
   WHERE user_id = $1 AND version = $2 AND pending IS NOT NULL`,
);
// An upgrade waits for a quiet moment, which may come after its pepper was retired: nobody counted it
// among that key's uses, and the password would never be right again.
const REPLACE = statement(
  'credentials.rehash',
  `UPDATE credentials SET pepper_kid = $4, salt = $5, phc = $6, updated_at = now()
   WHERE user_id = $1 AND version = $2 AND phc = $3
     AND EXISTS (SELECT 1 FROM keys WHERE kid = $4 AND status <> 'retired')`,
);

/** Upgrades under way at most, for each holds a password; the next sign-in tries again. */
const MAX_UPGRADES = 100;

/** Writes a pending row's final form; false when the password changed or another was faster. */
export async function hardenCredential(
  on: Queryable,
  row: Pick<StoredCredential, 'userId' | 'version'>,
  phc: string,
): Promise<boolean> {
  return (await on.execute(HARDEN, [row.userId, row.version, phc])) === 1;
}

/**
 * Checks passwords. Every attempt costs exactly one Argon2id with the row's parameters, or the
 * current ones where there is none to compare with (unknown user, pending row), through the same
 * pool: an attacker cannot tell the cases apart by time. The exception is an imported hash, which costs
 * what its system chose until its owner signs in (`docs/import.md`).
 */
export function createCredentialVerifier(deps: CredentialVerifierDeps) {
  const { db, keys, forge, creator, params, log } = deps;
  const upgrades = new Set<Promise<void>>();

  /** What an unknown user's attempt is hashed with; its result is ignored. */
  const nobody = { userId: NOBODY, salt: randomBytes(SALT_BYTES) };

  async function prepare(stored: StoredCredential | null, password: string) {
    const pepper = await keys.having('pepper', stored?.pepperKid);
    const secret = findPepper(pepper, stored);
    // A row whose pepper is gone is as unknown as no row: wrong, at the same price.
    const known = secret === null ? null : stored;
    const x = prehash(
      secret ?? pepper.active.secret,
      known?.userId ?? nobody.userId,
      known?.salt ?? nobody.salt,
      password,
    );
    return { x, known, pepperKid: pepper.active.kid };
  }

  async function verifyPending(
    stored: StoredCredential | null,
    x: Buffer,
    hasher: Hasher,
  ): Promise<boolean> {
    const phc = await hashToPhc(x, params, hasher.hash);
    if (!stored?.pending || !isEqual(x, stored.pending)) return false;
    await promote(stored, phc);
    return true;
  }

  /** The password is right whether or not its final form can be written now. */
  async function promote(stored: StoredCredential, phc: string): Promise<void> {
    await hardenCredential(db, stored, phc).catch((error: unknown) =>
      log.warn({ err: error, userId: stored.userId }, 'credential promotion postponed'),
    );
  }

  async function verifyFinal(phc: Phc, x: Buffer, hasher: Hasher): Promise<boolean> {
    return isEqual(await hasher.hash(x, phc.salt, phc.params), phc.hash);
  }

  /** By the other system's own rules, on the bytes as they came; then its hash has served. */
  async function verifyImported(
    stored: StoredCredential,
    imported: ForeignHash,
    password: string,
    hasher: Hasher,
  ): Promise<boolean> {
    const isValid = await imported.matches(Buffer.from(password), hasher);
    if (isValid) upgradeLater(stored, password);
    return isValid;
  }

  /** Moves a verified password to current parameters and pepper; the answer does not wait for it. */
  function upgradeLater(stored: StoredCredential, password: string): void {
    if (upgrades.size >= MAX_UPGRADES) return;
    const upgrade = creator
      .finalWhenIdle(stored.userId, password)
      .then(async (next) => {
        const values = [
          stored.userId,
          stored.version,
          stored.phc,
          next.pepperKid,
          next.salt,
          next.phc,
        ];
        await db.execute(REPLACE, values);
      })
      // Nothing is lost: the next sign-in tries again.
      .catch((error: unknown) => log.debug({ err: error }, 'credential upgrade postponed'))
      .finally(() => upgrades.delete(upgrade));
    upgrades.add(upgrade);
  }

  return {
    /** Keeps room for one check, whoever's it will be. @throws AppError `overloaded` */
    reserve: (): Reservation => forge.reserve(),

    /**
     * Whether the password is the one stored; null stands for "no such user" and costs the same.
     * A pending row is promoted, an outdated one replaced, on success.
     * @param hasher the caller's reservation, if it has one
     * @throws AppError `overloaded` when the Forge is full
     */
    async verify(
      stored: StoredCredential | null,
      password: string,
      hasher: Hasher = forge,
    ): Promise<boolean> {
      const imported = stored && findImported(stored);
      if (imported) return verifyImported(stored, imported, password, hasher);
      const { x, known, pepperKid } = await prepare(stored, password);
      const phc = known?.phc ? parsePhc(known.phc) : null;
      if (known === null || phc === null) return verifyPending(known, x, hasher);

      const isValid = await verifyFinal(phc, x, hasher);
      const isOutdated = needsRehash(phc, params) || known.pepperKid !== pepperKid;
      if (isValid && isOutdated) upgradeLater(known, password);
      return isValid;
    },

    /** Whether a final credential, present or former, is of this password; changes nothing. */
    async matches(stored: StoredCredential, password: string): Promise<boolean> {
      const imported = findImported(stored);
      if (imported) return imported.matches(Buffer.from(password), forge);
      const { x, known } = await prepare(stored, password);
      const phc = known?.phc ? parsePhc(known.phc) : null;
      return phc !== null && verifyFinal(phc, x, forge);
    },

    /**
     * Gives a pending credential its final form now, for callers that are about to keep it: what is
     * remembered of former passwords is never in the pending form.
     */
    async settle(stored: StoredCredential): Promise<StoredCredential> {
      if (!stored.pending) return stored;
      const phc = await hashToPhc(stored.pending, params, forge.hash);
      await hardenCredential(db, stored, phc);
      return { ...stored, pending: null, phc };
    },

    /** Waits for upgrades that run after their answer. */
    async drain(): Promise<void> {
      await Promise.all(upgrades);
    },
  };
}

/** The hash of a credential that was made elsewhere: it has no pepper. */
function findImported({ pepperKid, phc }: StoredCredential): ForeignHash | null {
  if (pepperKid !== null || phc === null) return null;
  const parsed = parseForeignHash(phc);
  return typeof parsed === 'string' ? null : parsed;
}

function findPepper(pepper: KeySet, stored: StoredCredential | null): Buffer | null {
  if (!stored?.pepperKid) return null;
  return pepper.byKid.get(stored.pepperKid) ?? null;
}
