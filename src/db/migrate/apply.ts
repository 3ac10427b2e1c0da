import { DatabaseError, type Pool } from 'pg';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { isConnectionError } from '../errors.ts';
import { createAtomicAdapter } from './atomic-adapter.ts';
import { NO_FILTERS, toMigrationList, withEngine } from './engine.ts';
import type { Migration } from './read-migrations.ts';

/**
 * Applies every pending migration by Prisma's engine. Call it with the migration lock held.
 * @param failed names begun by a process that did not finish; they are cleared and run again
 * @returns the names applied
 * @throws `schema_mismatch` when a script fails: the earlier ones stay, nothing of that one does
 */
export async function applyPending(
  session: Pool,
  migrations: readonly Migration[],
  failed: readonly string[],
  log: Logger,
): Promise<string[]> {
  let failure: { script: string; error: unknown } | undefined;
  const adapter = createAtomicAdapter(session, (script, error) => {
    failure = { script, error };
  });
  try {
    return await withEngine(adapter, log, async (engine) => {
      for (const migrationName of failed) await engine.markMigrationRolledBack({ migrationName });
      const result = await engine.applyMigrations({
        migrationsList: toMigrationList(migrations),
        filters: NO_FILTERS,
      });
      return result.appliedMigrationNames;
    });
  } catch (error) {
    if (!failure) throw toEngineError(error);
    const { script, error: reason } = failure;
    if (isConnectionError(reason) || !(reason instanceof DatabaseError)) throw reason;
    const name = migrations.find(({ sql }) => sql === script)?.name ?? 'unknown';
    throw migrationFailed(name, script, reason);
  }
}

function migrationFailed(name: string, script: string, error: DatabaseError): AppError {
  const line = error.position && script.slice(0, Number(error.position)).split('\n').length;
  return new AppError('schema_mismatch', {
    text: `Migration ${name} failed${line ? ` at line ${line}` : ''}: ${error.message}. Nothing of it was kept.`,
    hint: 'remove the cause, then run again: authctl migrate',
    log: { migration: name, sqlstate: error.code },
    cause: error,
  });
}

/** The engine's messages end in the places of its own source code, which help nobody here. */
function toEngineError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof AppError) return error;
  const text = error.message.split(/\n\s+0: /)[0]?.trim();
  return new AppError('schema_mismatch', {
    text: `The database cannot be migrated: ${text}`,
    hint: 'give authctl a database of its own, and the right to create tables in it',
    cause: error,
  });
}
