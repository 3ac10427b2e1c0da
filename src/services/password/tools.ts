import type { Config } from '../../../config/index.ts';
import type { Argon2Params } from '../../crypto/argon2/engine.ts';
import type { Forge } from '../../crypto/forge.ts';
import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { createBacklog } from '../credential/backlog.ts';
import { type CredentialCreator, createCredentialCreator } from '../credential/create.ts';
import { type CredentialVerifier, createCredentialVerifier } from '../credential/verify.ts';
import type { Keys } from '../key/keyring.ts';
import { createPasswordHistory } from './history.ts';
import { openPasswordPolicy } from './open-policy.ts';
import type { PasswordPolicy } from './policy.ts';
import { createPreparePassword, type PreparePassword } from './prepare.ts';

/** What checking and setting passwords takes: the same in the API and in commands. */
export interface PasswordTools {
  readonly passwords: PasswordPolicy;
  readonly preparePassword: PreparePassword;
  readonly credentials: CredentialCreator;
  readonly verifier: CredentialVerifier;
}

export interface PasswordToolsDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly db: Db;
  readonly keys: Keys;
  readonly issuer: string;
  readonly forge: Forge;
  readonly params: Argon2Params;
}

/** Builds them over this process's Forge. */
export function createPasswordTools(deps: PasswordToolsDeps): PasswordTools {
  const { config, clock, log, db, keys, forge, params } = deps;
  const backlog = createBacklog({
    db,
    clock,
    // The worker drains with all slots of the host, of which this process may have a share.
    ratePerSecond: () => (forge.ratePerSecond() / forge.stats().slots) * config.hash.slots,
    maxAgeMs: config.hash.backlogMaxAgeMs,
  });
  const { mode } = config.hash;
  const credentials = createCredentialCreator({ keys, forge, backlog, mode, params });
  const verifier = createCredentialVerifier({ db, keys, forge, creator: credentials, params, log });
  const keep = config.password.history;
  const history = createPasswordHistory({ db, verifier, keep });
  const passwords = openPasswordPolicy(deps);
  const preparePassword = createPreparePassword({ passwords, history, credentials, verifier });
  return { passwords, preparePassword, credentials, verifier };
}
