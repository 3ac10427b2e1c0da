import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { AppError } from '../errors.ts';
import { type Queryable, queryable } from './database.ts';
import { isConnectionError } from './errors.ts';

/** One transaction on a connection of its own, through which whole tables stream. */
export interface CopySession extends Queryable {
  /** All rows of a table in PostgreSQL's text format. */
  copyOut(table: string, columns: readonly string[]): AsyncIterable<Buffer> & { rowCount: number };
  /** Appends rows in PostgreSQL's text format. @returns how many there were */
  copyIn(
    table: string,
    columns: readonly string[],
    rows: AsyncIterable<Uint8Array>,
  ): Promise<number>;
}

const BEGIN = {
  /** One state of all tables, whatever is written meanwhile; nothing waits for it. */
  snapshot: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  write: 'BEGIN',
} as const;

/** How values are spelled, whatever the server, the role or the database has set. */
const SPELLING = `SET client_encoding = 'UTF8'; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC';
  SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1;
  SET statement_timeout = 0; SET lock_timeout = '10s'`;

/**
 * Runs `work` in one transaction for as long as it takes; a throw rolls back.
 * @throws AppError `dependency_unreachable` when the connection breaks
 */
export async function withCopySession<T>(
  connectionString: string,
  mode: keyof typeof BEGIN,
  work: (session: CopySession) => Promise<T>,
): Promise<T> {
  const client = new Client({
    connectionString,
    application_name: 'authctl copy',
    keepAlive: true,
  });
  // A connection that breaks fails the statement that runs, which reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(SPELLING);
    await client.query(BEGIN[mode]);
    const result = await work(sessionOn(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    throw new AppError('dependency_unreachable', {
      text: `The database cannot be reached: ${error instanceof Error ? error.message : error}`,
      hint: 'check AUTHCTL_DATABASE_URL and that the server is up: authctl doctor',
      cause: error,
    });
  } finally {
    // The server rolls back what was not committed.
    await client.end().catch(() => undefined);
  }
}

function sessionOn(client: Client): CopySession {
  return {
    ...queryable(client),
    copyOut: (table, columns) => client.query(copyTo(`COPY ${target(table, columns)} TO STDOUT`)),
    async copyIn(table, columns, rows) {
      const sink = client.query(copyFrom(`COPY ${target(table, columns)} FROM STDIN`));
      await pipeline(rows, sink);
      return sink.rowCount;
    },
  };
}

function target(table: string, columns: readonly string[]): string {
  return `${quote(table)} (${columns.map(quote).join(', ')})`;
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
