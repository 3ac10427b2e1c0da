import { type Db, statement } from '../../db/database.ts';
import { isPassing, toAppError } from '../../db/errors.ts';
import { type Batcher, createBatcher } from '../../lib/batcher.ts';
import type { Clock } from '../../lib/clock.ts';
import { retryUntil } from '../../lib/retry-until.ts';
import type { Tracer } from '../../lib/tracer.ts';
import type { Wake } from '../wake.ts';
import { INSERT_REGISTRATIONS, toParameters } from './insert-statement.ts';
import type { RegistrationRow } from './row.ts';

export interface BatchMetrics {
  /** One statement: rows it carried, seconds it took. */
  observeBatch(rows: number, seconds: number): void;
}

export interface RegistrationBatchDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly metrics: BatchMetrics;
  readonly wake: { readonly hash: Wake; readonly mail: Wake };
  /** Rows in one statement at most (`registration.batch_size`). */
  readonly batchSize: number;
  /** Rows waiting at most; more are refused with 503. */
  readonly maxWaiting: number;
  /** A row that has waited longer is refused with 503. */
  readonly maxWaitMs: number;
  readonly tracer?: Tracer | undefined;
}

const FIND_IDS = statement(
  'registrations.find_ids',
  'SELECT id FROM users WHERE id = ANY($1::uuid[])',
);

/** Two connections keep PostgreSQL busy while the next batch collects; more only share the disk. */
const WRITERS = 2;

/**
 * Writes registrations, many to a statement; answers each row with whether its user was created.
 * The answer comes after the durable commit.
 */
export function createRegistrationBatch(
  deps: RegistrationBatchDeps,
): Batcher<RegistrationRow, boolean> {
  const { db, clock, metrics, wake, batchSize, maxWaiting, maxWaitMs } = deps;

  async function insert(rows: readonly RegistrationRow[]): Promise<Set<string>> {
    const startedAt = clock.monotonicMs();
    const values = toParameters(rows, clock.now());
    const created = await db.query<{ id: string }>(INSERT_REGISTRATIONS, values);
    metrics.observeBatch(rows.length, (clock.monotonicMs() - startedAt) / 1_000);
    if (rows.some((row) => row.credential.pending)) wake.hash.soon();
    if (rows.some((row) => row.codeMail)) wake.mail.soon();
    return new Set(created.map((row) => row.id));
  }

  /**
   * A connection lost during the commit leaves its outcome unknown. Ids are made here, so doing the
   * same again settles it: a row that is there already was committed by an earlier try.
   */
  async function insertAgain(rows: readonly RegistrationRow[]): Promise<Set<string>> {
    const created = await insert(rows);
    const missing = rows.filter((row) => !created.has(row.id)).map((row) => row.id);
    const found = await db.query<{ id: string }>(FIND_IDS, [missing]);
    for (const row of found) created.add(row.id);
    return created;
  }

  /** @param isRepeated whether an earlier try at these rows may have been committed */
  async function write(
    rows: readonly RegistrationRow[],
    isRepeated = false,
  ): Promise<(boolean | Error)[]> {
    let mayBeThere = isRepeated;
    try {
      const created = await retryUntil(() => (mayBeThere ? insertAgain(rows) : insert(rows)), {
        deadlineMs: maxWaitMs,
        clock,
        isPassing,
        onRetry() {
          mayBeThere = true;
        },
      });
      return rows.map((row) => created.has(row.id));
    } catch (error) {
      const cause = error instanceof Error ? error : new Error('insert failed', { cause: error });
      if (rows.length === 1 || toAppError(error)) return rows.map(() => cause);
    }
    // A value the database refuses must fail its own request only: halve until it stands alone.
    const middle = Math.ceil(rows.length / 2);
    return [
      ...(await write(rows.slice(0, middle), mayBeThere)),
      ...(await write(rows.slice(middle), mayBeThere)),
    ];
  }

  return createBatcher<RegistrationRow, boolean>({
    maxBatch: batchSize,
    writers: WRITERS,
    maxWaiting,
    maxWaitMs,
    monotonicMs: clock.monotonicMs,
    name: 'registrations.batch',
    tracer: deps.tracer,
    run: (rows) => write(rows),
  });
}
