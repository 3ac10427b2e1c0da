import { AppError } from '../../errors.ts';
import type { Queryable } from '../database.ts';
import { compareHistory, readHistory, type SchemaStatus } from './history.ts';
import type { Migration } from './read-migrations.ts';

/**
 * Checks that the database has exactly the migrations this program knows, by name and checksum.
 * One small query: every process does it at start, and readiness repeats it.
 * @throws `schema_mismatch` with the command that helps
 */
export async function checkSchema(
  db: Pick<Queryable, 'query'>,
  known: readonly Pick<Migration, 'name' | 'checksum'>[],
): Promise<void> {
  const status = compareHistory(await readHistory(db), known);
  if (status.state !== 'current') throw schemaMismatch(status);
}

/** What is wrong with a schema that is not current, and what to type. */
export function schemaMismatch(status: SchemaStatus): AppError {
  const { text, hint } = explain(status);
  return new AppError('schema_mismatch', { text, hint, log: { schema: status.state } });
}

function explain({ state, pending, unknown, edited }: SchemaStatus): Explanation {
  switch (state) {
    case 'empty':
      return { text: 'The database has no schema yet.', hint: 'run: authctl migrate' };
    case 'behind':
      return {
        text: `The database schema is older than this program: ${list(pending)} not applied.`,
        hint: 'run: authctl migrate',
      };
    case 'ahead':
      return {
        text: `The database schema is newer than this program, which does not know ${list(unknown)}.`,
        hint: `install the version of authctl that applied it, or with that version run: authctl migrate down --steps ${unknown.length} --yes`,
      };
    case 'diverged':
      return explainDivergence(pending, unknown, edited);
    case 'current':
      return { text: 'The database schema is current.', hint: 'nothing to do' };
  }
}

interface Explanation {
  readonly text: string;
  readonly hint: string;
}

function explainDivergence(
  pending: readonly string[],
  unknown: readonly string[],
  edited: readonly string[],
): Explanation {
  if (edited.length === 0)
    return {
      text: `The database was migrated by another line of releases: it has ${list(unknown)}, and lacks ${list(pending)}.`,
      hint: 'install the version of authctl that applied them; to compare, run: authctl migrate status',
    };
  return {
    text: `The text of ${list(edited)} is not the one that was applied to the database.`,
    hint: 'an applied migration never changes: restore its migration.sql from the release, and put the change in a new one: authctl migrate new <name>',
  };
}

function list(names: readonly string[]): string {
  return names.length > 3
    ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
    : names.join(', ');
}
