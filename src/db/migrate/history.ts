import { errorCode } from '../../lib/error-code.ts';
import { type Queryable, statement } from '../database.ts';
import type { Migration } from './read-migrations.ts';

/** A row of `_prisma_migrations`, the table in which Prisma's engine keeps what it has applied. */
export interface HistoryRow {
  readonly name: string;
  readonly checksum: string;
  /** Null while it runs, and for ever when it failed or its process was killed. */
  readonly finished_at: Date | null;
}

/** How a database stands, as `authctl migrate status --json` prints it. */
export interface SchemaStatus {
  /**
   * `current`: the database is what this program expects. `empty`: nothing was ever applied.
   * `behind`: some migrations are pending. `ahead`: a newer program has migrated it. `diverged`: an
   * applied migration was edited afterwards, or both sides have some that the other lacks.
   */
  readonly state: 'current' | 'behind' | 'ahead' | 'diverged' | 'empty';
  readonly applied: { name: string; applied_at: Date }[];
  readonly pending: string[];
  /** Applied, but not among this program's migrations. */
  readonly unknown: string[];
  /** Applied with another text than this program has under that name. */
  readonly edited: string[];
  /** Begun and not finished. Each runs in one transaction, so nothing of it is in the database. */
  readonly failed: string[];
}

const READ_HISTORY = statement(
  'migrate.history',
  `SELECT migration_name AS name, checksum, finished_at
     FROM _prisma_migrations
    WHERE rolled_back_at IS NULL
    ORDER BY migration_name`,
);

const UNDEFINED_TABLE = '42P01';

/** Reads what has been applied; a database that was never migrated has an empty history. */
export async function readHistory(on: Pick<Queryable, 'query'>): Promise<HistoryRow[]> {
  try {
    return await on.query<HistoryRow>(READ_HISTORY);
  } catch (error) {
    if (errorCode(error) === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** Compares a database's history with the migrations this program knows. */
export function compareHistory(
  rows: readonly HistoryRow[],
  known: readonly Pick<Migration, 'name' | 'checksum'>[],
): SchemaStatus {
  const checksums = new Map(known.map(({ name, checksum }) => [name, checksum]));
  const applied = rows.flatMap((row) =>
    row.finished_at
      ? [{ name: row.name, applied_at: row.finished_at, checksum: row.checksum }]
      : [],
  );
  const appliedNames = new Set(applied.map(({ name }) => name));

  const lists = {
    applied: applied.map(({ name, applied_at }) => ({ name, applied_at })),
    pending: known.map(({ name }) => name).filter((name) => !appliedNames.has(name)),
    unknown: [...appliedNames].filter((name) => !checksums.has(name)),
    edited: applied
      .filter(({ name, checksum }) => (checksums.get(name) ?? checksum) !== checksum)
      .map(({ name }) => name),
    failed: rows.filter((row) => !row.finished_at).map(({ name }) => name),
  };
  return { state: stateOf(lists), ...lists };
}

function stateOf(lists: Omit<SchemaStatus, 'state'>): SchemaStatus['state'] {
  const isAhead = lists.unknown.length > 0;
  const isBehind = lists.pending.length > 0;
  if (lists.edited.length > 0 || (isAhead && isBehind)) return 'diverged';
  if (isAhead) return 'ahead';
  if (lists.applied.length === 0) return 'empty';
  return isBehind ? 'behind' : 'current';
}
