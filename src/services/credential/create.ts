import type { Argon2Params } from '../../crypto/argon2/engine.ts';
import type { Forge } from '../../crypto/forge.ts';
import { prehash } from '../../crypto/prehash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { AppError } from '../../errors.ts';
import type { Keys } from '../key/keyring.ts';
import type { Backlog } from './backlog.ts';
import { hashToPhc, SALT_BYTES } from './hash-to-phc.ts';
import type { NewCredential } from './stored.ts';

/** `adaptive` hashes at once while a slot is free and defers in a burst; see `docs/threat-model.md`. */
export type HashMode = 'adaptive' | 'sync' | 'deferred';

export interface CredentialCreatorDeps {
  readonly keys: Keys;
  readonly forge: Forge;
  readonly backlog: Backlog;
  readonly mode: HashMode;
  readonly params: Argon2Params;
}

export type CredentialCreator = ReturnType<typeof createCredentialCreator>;

/** A password ready for Argon2id: `x` is its keyed prehash. */
interface Prepared {
  readonly pepperKid: string;
  readonly salt: Buffer;
  readonly x: Buffer;
}

/** Turns a password into what is stored. The password itself never leaves the request. */
export function createCredentialCreator(deps: CredentialCreatorDeps) {
  const { keys, forge, backlog, mode, params } = deps;

  async function prepare(userId: string, password: string): Promise<Prepared> {
    const pepper = (await keys.ring()).pepper.active;
    const salt = randomBytes(SALT_BYTES);
    return { pepperKid: pepper.kid, salt, x: prehash(pepper.secret, userId, salt, password) };
  }

  async function finish(
    { pepperKid, salt, x }: Prepared,
    hash: Forge['hash'],
  ): Promise<NewCredential> {
    return { pepperKid, salt, pending: null, phc: await hashToPhc(x, params, hash) };
  }

  return {
    /**
     * For a registration: final or pending, as the mode and the load decide.
     * @throws AppError `overloaded` when neither a slot nor room in the backlog is free
     */
    async forRegistration(userId: string, password: string): Promise<NewCredential> {
      const prepared = await prepare(userId, password);
      // The slot is taken in the same turn in which it was seen free: nobody else can come between.
      if (mode === 'sync' || (mode === 'adaptive' && forge.hasFreeSlot()))
        return finish(prepared, forge.hash);
      if (!(await backlog.admit()))
        throw new AppError('overloaded', { retryAfterSeconds: backlog.retryAfterSeconds() });
      return { pepperKid: prepared.pepperKid, salt: prepared.salt, pending: prepared.x, phc: null };
    },

    /** For a change or reset of a password (rare): always final. @throws AppError `overloaded` */
    async final(userId: string, password: string): Promise<NewCredential> {
      return finish(await prepare(userId, password), forge.hash);
    },

    /** The same when no request waits for a hash: for work that nobody waits for. */
    async finalWhenIdle(userId: string, password: string): Promise<NewCredential> {
      return finish(await prepare(userId, password), forge.idleHash);
    },
  };
}
