import { isEqual } from '../../crypto/equal.ts';
import { mac } from '../../crypto/mac.ts';
import { open, seal } from '../../crypto/seal.ts';
import { type Db, statement } from '../../db/database.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { FlowAnswer } from '../flow/answers.ts';
import type { KeySet, Keys } from '../key/keyring.ts';
import type { Attempt } from '../limit/limits.ts';
import type { RegistrationRow } from './row.ts';

/** How long a key is remembered. */
const KEEP_MS = 24 * 3_600_000;

interface KeyRow {
  digest: Buffer;
  fingerprint: Buffer;
  user_id: string;
  sealed: Buffer;
}

// The answer may hold tokens, so it is sealed; it counts only if its user was really created.
const FIND = statement(
  'idempotency.find',
  `SELECT digest, fingerprint, user_id, sealed FROM idempotency_keys
   WHERE digest = ANY($1) AND expires_at > $2`,
);
const USER_EXISTS = statement('idempotency.user_exists', 'SELECT 1 FROM users WHERE id = $1');

/** The first answer to a key: what it was, and whether it stands for an account that exists. */
export interface FirstAnswer {
  readonly userId: string;
  readonly answer: FlowAnswer;
  readonly isCreated: boolean;
}

export interface IdempotentRequest {
  /**
   * The answer given before to this key.
   * @throws AppError `idempotency_conflict` for another body; `rate_limited` after too many of those
   */
  findFirstAnswer(): Promise<FirstAnswer | null>;
  /**
   * The same after this request was written: the answer of another that was faster, perhaps by a key
   * that its node has just made; null where none was. To find one's own is no guess.
   * @param ownId the user that this request would have made
   */
  findWinner(ownId: string): Promise<FirstAnswer | null>;
  /** The columns that make a registration the first one of this key. */
  columns(userId: string, answer: FlowAnswer): Promise<RegistrationRow['idempotency']>;
}

export type Idempotency = ReturnType<typeof createIdempotency>;

/**
 * Remembers answers by `Idempotency-Key`. Neither the key nor the body is stored: only MACs of
 * them, because a plain hash of a body would be a fast hash of the password in it.
 */
export function createIdempotency({ db, clock, keys }: { db: Db; clock: Clock; keys: Keys }) {
  return {
    /**
     * @param beginGuess counts one guess at the account's password: that is what another body for a
     *   known key may be, as the answer tells whether it was the right one
     */
    async begin(
      key: string,
      body: object,
      beginGuess: () => Promise<Attempt>,
    ): Promise<IdempotentRequest> {
      const { code } = await keys.ring();
      const canonical = JSON.stringify(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1)));
      const digestBy = (secret: Buffer) => mac(secret, 'authctl/idempotency-key/v1', key);
      const fingerprintBy = (secret: Buffer) =>
        mac(secret, 'authctl/idempotency-body/v1', canonical);
      const digest = digestBy(code.active.secret);

      /** By every code key there is: the first request may have come before one was replaced. */
      async function find({ byKid }: KeySet, ownId?: string): Promise<FirstAnswer | null> {
        const known = [...byKid.values()].map((secret) => ({ secret, digest: digestBy(secret) }));
        const digests = known.map((one) => one.digest);
        const rows = await db.query<KeyRow>(FIND, [digests, clock.now()]);
        const row = rows.find(({ user_id }) => user_id !== ownId);
        const by = known.find((one) => row && isEqual(one.digest, row.digest));
        if (!row || !by) return null;
        const guess = await beginGuess();
        if (!isEqual(row.fingerprint, fingerprintBy(by.secret)))
          throw new AppError('idempotency_conflict');
        // Given back, but earlier failures stay counted: the right body may be that of a stranger who
        // tried a taken address.
        await guess.release();
        const { kid, box } = splitKid(row.sealed);
        const secret = (await keys.having('data', kid)).byKid.get(kid);
        if (!secret) return null;
        const text = open(secret, box, aad(row.digest, row.user_id)).toString('utf8');
        const isCreated = (await db.query(USER_EXISTS, [row.user_id])).length > 0;
        return { userId: row.user_id, answer: JSON.parse(text) as FlowAnswer, isCreated };
      }

      return {
        findFirstAnswer: () => find(code),
        findWinner: async (ownId) => find((await keys.latest()).code, ownId),
        async columns(userId, answer) {
          const data = (await keys.ring()).data.active;
          const box = seal(data.secret, Buffer.from(JSON.stringify(answer)), aad(digest, userId));
          return {
            digest,
            fingerprint: fingerprintBy(code.active.secret),
            sealed: joinKid(data.kid, box),
            expiresAt: new Date(clock.now().getTime() + KEEP_MS),
          };
        },
      };
    },
  };
}

function aad(digest: Buffer, userId: string): Buffer {
  return Buffer.concat([Buffer.from('authctl/idempotency/v1\0'), digest, Buffer.from(userId)]);
}

function joinKid(kid: string, box: Buffer): Buffer {
  return Buffer.concat([Buffer.from([kid.length]), Buffer.from(kid), box]);
}

function splitKid(sealed: Buffer): { kid: string; box: Buffer } {
  const length = sealed[0] ?? 0;
  return { kid: sealed.toString('utf8', 1, 1 + length), box: sealed.subarray(1 + length) };
}
