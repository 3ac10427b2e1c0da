import type { Forge } from '../../crypto/forge.ts';
import { type Argon2Params, formatPhc } from '../../crypto/phc.ts';
import { prehash } from '../../crypto/prehash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { AppError } from '../../errors.ts';
import type { Keys } from '../key/keyring.ts';
import type { Backlog } from './backlog.ts';
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

const SALT_BYTES = 16;

/** Turns a password into what is stored. The password itself never leaves the request. */
export function createCredentialCreator(deps: CredentialCreatorDeps) {
  const { keys, forge, backlog, mode, params } = deps;

  async function prepare(userId: string, password: string) {
    const pepper = (await keys.ring()).pepper.active;
    const salt = randomBytes(SALT_BYTES);
    return { pepperKid: pepper.kid, salt, x: prehash(pepper.secret, userId, salt, password) };
  }

  async function finish(prepared: Awaited<ReturnType<typeof prepare>>): Promise<NewCredential> {
    const phcSalt = randomBytes(SALT_BYTES);
    const hash = await forge.hash(prepared.x, phcSalt, params);
    return {
      pepperKid: prepared.pepperKid,
      salt: prepared.salt,
      pending: null,
      phc: formatPhc(params, phcSalt, hash),
    };
  }

  return {
    /**
     * For a registration: final or pending, as the mode and the load decide.
     * @throws AppError `overloaded` when neither a slot nor room in the backlog is free
     */
    async forRegistration(userId: string, password: string): Promise<NewCredential> {
      const hashNow = mode === 'sync' || (mode === 'adaptive' && forge.hasFreeSlot());
      if (!hashNow && !(await backlog.admit()))
        throw new AppError('overloaded', { retryAfterSeconds: backlog.retryAfterSeconds() });
      const prepared = await prepare(userId, password);
      if (hashNow) return finish(prepared);
      return { pepperKid: prepared.pepperKid, salt: prepared.salt, pending: prepared.x, phc: null };
    },

    /** For a change or reset of a password (rare): always final. @throws AppError `overloaded` */
    async final(userId: string, password: string): Promise<NewCredential> {
      return finish(await prepare(userId, password));
    },
  };
}
