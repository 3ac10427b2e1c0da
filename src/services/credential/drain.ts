import type { Argon2Params } from '../../crypto/argon2/engine.ts';
import type { Forge } from '../../crypto/forge.ts';
import { type Db, statement } from '../../db/database.ts';
import { isPassing, toAppError } from '../../db/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { NO_TRACER, type Tracer } from '../../lib/tracer.ts';
import { hashToPhc } from './hash-to-phc.ts';
import { hardenCredential } from './verify.ts';

export interface DrainDeps {
  readonly db: Db;
  readonly forge: Forge;
  readonly params: Argon2Params;
  /** Failures of one row before it is parked (`hash.max_tries`). */
  readonly maxTries: number;
  readonly log: Logger;
  readonly tracer?: Tracer | undefined;
}

export interface DrainResult {
  /** Rows claimed; 0 means that there was nothing to do. */
  readonly claimed: number;
  readonly hardened: number;
  /** Rows whose own hashing failed and will be tried again. */
  readonly failed: number;
  readonly parked: number;
}

interface ClaimedRow {
  user_id: string;
  version: number;
  pending: Buffer;
}

/** A killed worker's rows come back after this long; hashing a batch takes a few seconds at most. */
const LEASE_SECONDS = 60;

// The partial index on pending_since is the queue: oldest first, rows other workers hold are skipped.
// Materialised, or the planner may run a locking sub-select more than once and claim too many.
const CLAIM = statement(
  'credentials.claim_pending',
  `WITH next AS MATERIALIZED (
     SELECT user_id FROM credentials
     WHERE pending IS NOT NULL AND parked_at IS NULL AND (lease_until IS NULL OR lease_until < now())
     ORDER BY pending_since LIMIT $1 FOR UPDATE SKIP LOCKED)
   UPDATE credentials AS c
   SET lease_until = now() + make_interval(secs => ${LEASE_SECONDS})
   FROM next WHERE c.user_id = next.user_id
   RETURNING c.user_id, c.version, c.pending`,
);
const RELEASE = statement(
  'credentials.release',
  `UPDATE credentials SET lease_until = NULL
   WHERE user_id = ANY($1::uuid[]) AND pending IS NOT NULL AND parked_at IS NULL`,
);
const RECORD_FAILURE = statement(
  'credentials.record_failure',
  `UPDATE credentials
   SET attempts = attempts + 1, lease_until = now() + make_interval(secs => 2 ^ attempts),
       parked_at = CASE WHEN attempts + 1 >= $4 THEN now() END,
       parked_reason = CASE WHEN attempts + 1 >= $4 THEN $3 END
   WHERE user_id = $1 AND version = $2 AND pending IS NOT NULL
   RETURNING parked_at IS NOT NULL AS parked`,
);

export type Drain = ReturnType<typeof createDrain>;

/** Turns pending rows into final ones, a batch at a time; any number of workers at once. */
export function createDrain(deps: DrainDeps) {
  const { db, forge, params, maxTries, log, tracer = NO_TRACER } = deps;

  async function harden(
    row: ClaimedRow,
    signal: AbortSignal,
  ): Promise<'hardened' | 'failed' | 'parked' | 'skipped'> {
    try {
      const phc = await hashToPhc(row.pending, params, (x, salt) =>
        forge.idleHash(x, salt, params, signal),
      );
      const stored = { userId: row.user_id, version: row.version };
      return (await hardenCredential(db, stored, phc)) ? 'hardened' : 'skipped';
    } catch (error) {
      if (signal.aborted || isPassing(error) || toAppError(error)) throw error;
      return recordFailure(row, error);
    }
  }

  /**
   * Only a row's own failure counts against it: the rows of a killed worker, and those that met a
   * database away or a Forge closed, just come back.
   */
  async function recordFailure(row: ClaimedRow, error: unknown): Promise<'parked' | 'failed'> {
    const reason = error instanceof Error ? error.message : 'unknown';
    const rows = await db.query<{ parked: boolean }>(RECORD_FAILURE, [
      row.user_id,
      row.version,
      reason,
      maxTries,
    ]);
    const parked = rows[0]?.parked === true;
    const fields = { err: error, userId: row.user_id };
    if (parked) log.error(fields, 'credential parked: its user must reset the password');
    else log.warn(fields, 'hardening failed, will retry');
    return parked ? 'parked' : 'failed';
  }

  async function hardenAll(rows: readonly ClaimedRow[], signal: AbortSignal): Promise<DrainResult> {
    const outcomes = await Promise.allSettled(rows.map((row) => harden(row, signal)));
    const failed = rows.filter((_, index) => outcomes[index]?.status === 'rejected');
    if (failed.length > 0) await db.execute(RELEASE, [failed.map((row) => row.user_id)]);
    const count = (value: string) =>
      outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value === value)
        .length;
    return {
      claimed: rows.length,
      hardened: count('hardened'),
      failed: count('failed'),
      parked: count('parked'),
    };
  }

  return {
    /**
     * Claims up to `limit` rows and hardens them in the Forge's idle lane. Abort leaves unfinished
     * rows to other workers at once.
     */
    async drainBatch(limit: number, signal: AbortSignal): Promise<DrainResult> {
      const rows = await db.query<ClaimedRow>(CLAIM, [limit]);
      if (rows.length === 0) return { claimed: 0, hardened: 0, failed: 0, parked: 0 };
      const facts = { 'authctl.rows': rows.length };
      return tracer.trace('credentials.harden_batch', { facts }, () => hardenAll(rows, signal));
    },
  };
}
