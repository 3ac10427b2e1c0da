import type { Core } from '../../../src/app/core.ts';
import type { Argon2Engine, Argon2Params } from '../../../src/crypto/argon2/engine.ts';
import { nodeRsEngine } from '../../../src/crypto/argon2/node-rs.ts';
import { createForge } from '../../../src/crypto/forge.ts';
import { HASH_BYTES } from '../../../src/crypto/phc.ts';
import { uuidv7 } from '../../../src/crypto/random.ts';
import { createCredentialCreator, type HashMode } from '../../../src/services/credential/create.ts';
import { createDrain } from '../../../src/services/credential/drain.ts';
import {
  type CredentialColumns,
  type NewCredential,
  type StoredCredential,
  toStoredCredential,
} from '../../../src/services/credential/stored.ts';
import { createCredentialVerifier } from '../../../src/services/credential/verify.ts';

/** A real Argon2id that takes a tenth of a millisecond, for tests about rows rather than about hashing. */
export const CHEAP: Argon2Params = { memoryKib: 64, passes: 1, parallelism: 1, length: HASH_BYTES };

export interface WorkshopOptions {
  readonly mode?: HashMode;
  readonly params?: Argon2Params;
  readonly engine?: Argon2Engine;
  readonly slots?: number;
  /** Pending rows that are admitted. */
  readonly room?: number;
  readonly maxTries?: number;
}

export type Workshop = ReturnType<typeof createWorkshop>;

/** What makes, checks and hardens credentials, over an appliance's database and keys. */
export function createWorkshop({ db, keys, clock, log }: Core, options: WorkshopOptions = {}) {
  const { mode = 'deferred', params = CHEAP, engine = nodeRsEngine, slots = 2 } = options;
  let room = options.room ?? Number.POSITIVE_INFINITY;
  const forge = createForge({ engine, slots, cost: params, clock });
  const backlog = {
    async admit() {
      room -= 1;
      return room >= 0;
    },
    retryAfterSeconds: () => 1,
  };
  const creator = createCredentialCreator({ keys, forge, backlog, mode, params });
  const verifier = createCredentialVerifier({ db, keys, forge, creator, params, log });
  const drain = createDrain({ db, forge, params, maxTries: options.maxTries ?? 3, log });

  return {
    forge,
    creator,
    verifier,
    drain,

    /** Writes a user with a credential; its id. */
    async addUser(password: string): Promise<string> {
      const id = uuidv7(Date.now());
      await insertUsers([{ id, credential: await creator.forRegistration(id, password) }]);
      return id;
    },

    /** Writes users whose passwords wait to be hardened, oldest first; their ids. */
    async addPending(count: number): Promise<string[]> {
      const { pepper } = await keys.ring();
      const users = Array.from({ length: count }, () => ({
        id: uuidv7(Date.now()),
        credential: {
          pepperKid: pepper.active.kid,
          salt: Buffer.alloc(16, 1),
          pending: Buffer.alloc(32, 2),
          phc: null,
        },
      }));
      await insertUsers(users);
      return users.map(({ id }) => id);
    },

    async find(userId: string): Promise<StoredCredential> {
      const text = 'SELECT * FROM credentials WHERE user_id = $1';
      const rows = await db.query<CredentialColumns>({ name: '', text }, [userId]);
      return toStoredCredential(rows[0]!);
    },
  };

  async function insertUsers(users: { id: string; credential: NewCredential }[]): Promise<void> {
    const text = `WITH added AS (
        INSERT INTO users (id, status, created_at, updated_at)
        SELECT id, 'active', now(), now() FROM unnest($1::uuid[]) AS id RETURNING id)
      INSERT INTO credentials (user_id, pepper_kid, salt, pending, pending_since, phc, updated_at)
      SELECT id, pepper_kid, salt, pending, CASE WHEN pending IS NOT NULL THEN now() END, phc, now()
      FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::text[])
        AS t (id, pepper_kid, salt, pending, phc)`;
    await db.execute({ name: '', text }, [
      users.map(({ id }) => id),
      users.map(({ credential }) => credential.pepperKid),
      users.map(({ credential }) => credential.salt),
      users.map(({ credential }) => credential.pending),
      users.map(({ credential }) => credential.phc),
    ]);
  }
}
