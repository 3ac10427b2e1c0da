import { type ClientBase, Pool } from 'pg';
import { AppError } from '../../errors.ts';
import { errorCode } from '../../lib/error-code.ts';
import type { Logger } from '../../lib/logger.ts';
import { isConnectionError } from '../errors.ts';

/**
 * Prisma Migrate's own lock: a `prisma migrate` run by hand waits for us, and we for it. Whoever reads
 * or writes all tables takes it too.
 */
export const MIGRATION_LOCK = 72_707_369;
/** How long to wait for another process that is migrating. */
const LOCK_WAIT = '60s';
/** How long a migration waits for a table: every login queues behind it meanwhile. */
const TABLE_WAIT = '5s';

const CONNECT_TIMEOUT_MS = 10_000;
/** SQLSTATE of a lock that was not to be had in `lock_timeout`. */
export const LOCK_NOT_AVAILABLE = '55P03';
/** Wrong password, role not allowed, no such database. */
const REFUSED_STATES = new Set(['28P01', '28000', '3D000']);

/** Runs `work` on one connection, which is closed afterwards. */
export function withSession<T>(
  connectionString: string,
  work: (session: Pool) => Promise<T>,
): Promise<T> {
  return inSession(connectionString, () => undefined, work);
}

/**
 * Runs `work` on one connection that holds the migration lock. The pool has a single connection
 * and takes the lock on connecting, so no statement of `work` ever runs without it, not even after a
 * lost connection. It is a session lock: a pooler that shares sessions must be bypassed.
 * @throws `unavailable` when another process has held the lock for a minute
 */
export function withMigrationLock<T>(
  connectionString: string,
  log: Logger,
  work: (session: Pool) => Promise<T>,
): Promise<T> {
  return inSession(connectionString, (client) => takeLock(client, log), work);
}

async function inSession<T>(
  connectionString: string,
  onConnect: (client: ClientBase) => void | Promise<void>,
  work: (session: Pool) => Promise<T>,
): Promise<T> {
  const pool = new Pool({
    connectionString,
    application_name: 'authctl migrate',
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    onConnect,
  });
  // A connection lost while idle fails the next statement, which reports it.
  pool.on('error', () => undefined);
  try {
    return await work(pool);
  } catch (error) {
    throw toSessionError(error);
  } finally {
    await pool.end();
  }
}

async function takeLock(client: ClientBase, log: Logger): Promise<void> {
  // The connection check makes the server abandon the migration of a process that was killed,
  // instead of finishing it while its successor waits for the lock.
  await client.query(
    `SET client_connection_check_interval = '1s'; SET statement_timeout = 0; SET lock_timeout = '${LOCK_WAIT}'`,
  );
  const { rows } = await client.query<{ taken: boolean }>(
    'SELECT pg_try_advisory_lock($1) AS taken',
    [MIGRATION_LOCK],
  );
  if (!rows[0]?.taken) {
    log.info('another process is migrating this database: waiting');
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]).catch(refuseLongWait);
  }
  await client.query(`SET lock_timeout = '${TABLE_WAIT}'`);
}

function refuseLongWait(error: unknown): never {
  if (errorCode(error) !== LOCK_NOT_AVAILABLE) throw error;
  throw new AppError('unavailable', {
    text: `Another process has been migrating, backing up or restoring this database for ${LOCK_WAIT}.`,
    hint: 'wait for it to finish, then run: authctl migrate',
    cause: error,
  });
}

function toSessionError(error: unknown): unknown {
  if (error instanceof AppError) return error;
  if (!isConnectionError(error) && !REFUSED_STATES.has(errorCode(error) ?? '')) return error;
  return databaseUnreachable(error);
}

/** The error of a connection of its own that was not made, or broke. */
export function databaseUnreachable(error: unknown): AppError {
  return new AppError('dependency_unreachable', {
    text: `The database cannot be reached: ${error instanceof Error ? error.message : error}`,
    hint: 'check AUTHCTL_DATABASE_URL and that the server is up: authctl doctor',
    cause: error,
  });
}
