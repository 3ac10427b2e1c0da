import { Client, type QueryResultRow } from 'pg';
import { onTestFinished } from 'vitest';
import type { Migrator } from '../../../src/db/migrate/index.ts';
import { createEmptyDatabase } from '../../support/postgres.ts';
import { openMigrator, PRISMA_DIR } from './migrator.ts';

export interface TestSchema {
  readonly connectionString: string;
  readonly client: Client;
  readonly migrator: Migrator;
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** For what takes a `Db`. */
  readonly db: { query<Row extends QueryResultRow>(what: { text: string }): Promise<Row[]> };
  /** The names of the tables there are, without the engine's own. */
  tables(): Promise<string[]>;
}

/** An empty database with a migrator for it and a connection to look at it, for one test. */
export async function openSchema(prismaDir = PRISMA_DIR): Promise<TestSchema> {
  const { connectionString, drop } = await createEmptyDatabase();
  const client = new Client({ connectionString });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await drop();
  });

  const query = async <Row extends QueryResultRow>(text: string, values?: unknown[]) =>
    (await client.query<Row>(text, values)).rows;
  return {
    connectionString,
    client,
    migrator: openMigrator(connectionString, prismaDir),
    query,
    db: { query: ({ text }) => query(text) },
    async tables() {
      const rows = await query<{ name: string }>(
        `SELECT tablename AS name FROM pg_tables
          WHERE schemaname = 'public' AND tablename <> '_prisma_migrations' ORDER BY 1`,
      );
      return rows.map(({ name }) => name);
    },
  };
}
