import type { Pool } from 'pg';
import type { Migration } from './read-migrations.ts';

/**
 * Runs the `down.sql` of each migration, in the order given, and removes it from the history: one
 * transaction for all. Call it with the migration lock held.
 */
export async function revert(session: Pool, migrations: readonly Migration[]): Promise<void> {
  const client = await session.connect();
  try {
    await client.query('BEGIN');
    for (const { name, downSql } of migrations) {
      await client.query(downSql);
      await client.query('DELETE FROM _prisma_migrations WHERE migration_name = $1', [name]);
    }
    await client.query('COMMIT');
    client.release();
  } catch (error) {
    // Closing the connection rolls back, whatever state it is in.
    client.release(true);
    throw error;
  }
}
