import { DatabaseError, type Pool, type PoolClient } from 'pg';
import { AppError } from '../../errors.ts';
import { isConnectionError } from '../errors.ts';
import type { Migration } from './read-migrations.ts';

/**
 * Runs the `down.sql` of each migration, in the order given, and removes it from the history: one
 * transaction for all. Call it with the migration lock held.
 * @throws `schema_mismatch` when one fails: none is taken back
 */
export async function revert(session: Pool, migrations: readonly Migration[]): Promise<void> {
  const client = await session.connect();
  try {
    await client.query('BEGIN');
    for (const migration of migrations) await revertOne(client, migration);
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    // Closing the connection rolls back, whatever state it is in.
    client.release(true);
    throw error;
  }
}

async function revertOne(client: PoolClient, { name, downSql }: Migration): Promise<void> {
  try {
    await client.query(downSql);
    await client.query('DELETE FROM _prisma_migrations WHERE migration_name = $1', [name]);
  } catch (error) {
    if (isConnectionError(error) || !(error instanceof DatabaseError)) throw error;
    throw new AppError('schema_mismatch', {
      text: `Migration ${name} could not be taken back: ${error.message}. Nothing was changed.`,
      hint: 'remove the cause, then run again: authctl migrate down',
      log: { migration: name, sqlstate: error.code },
      cause: error,
    });
  }
}
