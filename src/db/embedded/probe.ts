import { Client } from 'pg';
import { AppError } from '../../errors.ts';
import { errorCode } from '../../lib/error-code.ts';
import { DATABASE } from './cluster.ts';

/**
 * What a server says to a connection: `up`; `recovering` from a crash of one of its processes; `busy`
 * starting or stopping; `incomplete` without our database; `down` when nobody answers.
 */
export type ServerState = 'up' | 'recovering' | 'busy' | 'incomplete' | 'down';

const CONNECT_TIMEOUT_MS = 5_000;

/** SQLSTATE of a refused connection, or the system's error code, and what it says of the server. */
const STATES: Record<string, ServerState> = {
  ENOENT: 'down',
  ECONNREFUSED: 'down',
  '57P03': 'busy', // starting up, shutting down, in recovery
  '53300': 'up', // too many connections: alive, and not ours to wait for
  '3D000': 'incomplete',
};

/**
 * Asks a server for its state by a real connection.
 * @throws `config_invalid` when it refuses our password
 */
export async function probeServer(connectionString: string): Promise<ServerState> {
  const client = new Client({ connectionString, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  // A server that dies while we close the connection is the next probe's business.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return 'up';
  } catch (error) {
    return toState(error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Makes our database again: somebody has dropped it.
 * @param maintenanceUrl of a database that is always there
 */
export async function createDatabase(maintenanceUrl: string): Promise<void> {
  const client = new Client({ connectionString: maintenanceUrl });
  // A connection that breaks fails the statement that runs, which reports it.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function toState(error: unknown): ServerState {
  const code = errorCode(error) ?? '';
  if (code.startsWith('28')) {
    throw new AppError('config_invalid', {
      text: 'The embedded PostgreSQL refuses the password in postgres.password.',
      hint: 'put the right file back; or stop every authctl, delete it, and the next start makes a new one',
      cause: error,
    });
  }
  // The only thing that tells it from other reasons to come back later; our clusters speak English.
  if (error instanceof Error && error.message.includes('in recovery mode')) return 'recovering';
  // Cut off in the middle of a connection: it is going away or coming back.
  return STATES[code] ?? 'busy';
}
