import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { AppError } from '../errors.ts';
import { errorCode } from '../lib/error-code.ts';
import { type Queryable, queryable } from './database.ts';
import { isConnectionError } from './errors.ts';
import { databaseUnreachable, LOCK_NOT_AVAILABLE, MIGRATION_LOCK } from './migrate/session.ts';

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

const MODES = {
  /** One state of all tables, whatever is written meanwhile; only migrations wait for it. */
  snapshot: {
    lock: 'pg_advisory_lock_shared',
    begin: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY',
  },
  /** Migrations, backups and other writers wait. */
  write: { lock: 'pg_advisory_lock', begin: 'BEGIN' },
} as const;

/**
 * How values are spelled, whatever the server, the role or the database has set. Rows that a policy
 * hides from us are an error, not left out.
 */
const SPELLING = `SET client_encoding = 'UTF8'; SET datestyle = 'ISO, YMD'; SET timezone = 'UTC';
  SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; SET extra_float_digits = 1;
  SET row_security = off; SET lock_timeout = '10s'`;

/** A reader may be slow, and limits set for requests are not meant; the last has come with PostgreSQL 17. */
const NO_TIMEOUTS = `SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN
  ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`;

/**
 * Runs `work` in one transaction for as long as it takes, while nobody migrates; a throw rolls back.
 * @throws AppError `dependency_unreachable` when the connection breaks, `unavailable` when another
 *   process is migrating or restoring
 */
export async function withCopySession<T>(
  connectionString: string,
  mode: keyof typeof MODES,
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
    await client.query(NO_TIMEOUTS);
    const { lock, begin } = MODES[mode];
    // Before the transaction: a table that a migration rewrites is empty to a snapshot taken before.
    await client.query(`SELECT ${lock}(${MIGRATION_LOCK})`);
    await client.query(begin);
    const result = await work(sessionOn(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    throw explain(error);
  } finally {
    // The server rolls back what was not committed.
    await client.end().catch(() => undefined);
  }
}

function explain(error: unknown): unknown {
  if (errorCode(error) === LOCK_NOT_AVAILABLE) {
    return new AppError('unavailable', {
      text: 'Another process is migrating, backing up or restoring this database.',
      hint: 'wait for it to finish, then run this again',
      cause: error,
    });
  }
  return isConnectionError(error) ? databaseUnreachable(error) : error;
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
