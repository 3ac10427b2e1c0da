import { runTask } from '../child/run-task.ts';
import { siblingModule } from '../child/sibling-module.ts';

export interface RawInsertInput {
  readonly connectionString: string;
  readonly batchSize: number;
  readonly connections: number;
  readonly durationMs: number;
}

export interface RawInsertRate {
  /** Users with their credentials, committed. */
  readonly perSecond: number;
  readonly rows: number;
}

/**
 * Measures how many users with a pending credential PostgreSQL commits a second when nothing but
 * `pg` stands before it: the ceiling of registration. Full batches, always one in flight on each
 * connection, into empty copies of the two tables (same columns, checks, indexes and foreign key)
 * that are dropped afterwards. Commits are as durable as the server is set to make them.
 * @throws AppError `dependency_unreachable` where the database does not answer
 */
export function measureRawInsert(
  input: RawInsertInput,
  signal?: AbortSignal,
): Promise<RawInsertRate> {
  return runTask(siblingModule('./raw-insert-process', import.meta.url), input, { signal });
}
