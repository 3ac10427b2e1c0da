import { Client } from 'pg';

export interface TableLock {
  /** Lets the writers go on. */
  release(): Promise<void>;
}

/** Holds up every writer of a table, as a long maintenance statement does; readers go on. */
export async function lockTable(connectionString: string, table: string): Promise<TableLock> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query('BEGIN');
  await client.query(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
  return { release: () => client.end() };
}
