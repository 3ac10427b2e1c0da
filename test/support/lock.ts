import { Client } from 'pg';

export interface Lock {
  release(): Promise<void>;
}

/** Holds up every writer of a table, as a long maintenance statement does; readers go on. */
export function lockTable(connectionString: string, table: string): Promise<Lock> {
  return hold(connectionString, `LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
}

/** Holds up every reader of a table, too. */
export function lockTableWhole(connectionString: string, table: string): Promise<Lock> {
  return hold(connectionString, `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
}

/** Holds up every writer of one row, as another's unfinished transaction does. */
export function lockRow(connectionString: string, table: string, id: string): Promise<Lock> {
  return hold(connectionString, `SELECT 1 FROM ${table} WHERE id = '${id}' FOR UPDATE`);
}

async function hold(connectionString: string, sql: string): Promise<Lock> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query('BEGIN');
  await client.query(sql);
  return { release: () => client.end() };
}
