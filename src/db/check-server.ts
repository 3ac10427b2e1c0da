import { AppError } from '../errors.ts';
import { type Queryable, statement } from './database.ts';

/** As PostgreSQL counts: 15.0. */
const LEAST_VERSION = 150_000;

const FACTS = statement(
  'server.facts',
  `SELECT current_setting('server_version') AS version,
          current_setting('server_version_num')::int AS version_number,
          current_setting('server_encoding') AS encoding,
          current_setting('max_connections')::int AS max_connections,
          (SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout') AS timeout_ms`,
);

/** What a server says of itself. */
export interface ServerFacts {
  /** For people: `18.4`. */
  readonly version: string;
  readonly version_number: number;
  readonly encoding: string;
  readonly max_connections: number;
  /** What it cuts our statements off after. */
  readonly timeout_ms: number;
}

const UNSAFE_SETTINGS = statement(
  'server.unsafe_settings',
  `SELECT name FROM pg_settings
   WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name`,
);

export async function readServerFacts(on: Pick<Queryable, 'query'>): Promise<ServerFacts> {
  const [facts] = await on.query<ServerFacts>(FACTS);
  return facts!;
}

/**
 * Makes sure that a database can be ours at all, before anything is written to it: in another
 * encoding it would take some names and refuse others, one request at a time.
 * @param statementTimeoutMs what its connections ask for
 * @throws AppError `config_invalid`
 */
export async function checkServer(on: Queryable, statementTimeoutMs: number): Promise<void> {
  const facts = await readServerFacts(on);
  const { version, version_number: number, encoding, timeout_ms: timeoutMs } = facts;
  if (number < LEAST_VERSION)
    throw new AppError('config_invalid', {
      text: `This is PostgreSQL ${version}; 15 or newer is needed.`,
      hint: 'upgrade it, or point AUTHCTL_DATABASE_URL at a newer one',
    });
  if (encoding !== 'UTF8')
    throw new AppError('config_invalid', {
      text: `The database is encoded in ${encoding}; UTF8 is needed.`,
      hint: "make it anew: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'",
    });
  if (timeoutMs !== statementTimeoutMs) throw poolerInBetween();
}

/** Whether it was a pooler that answered, such as PgBouncer: it knows few of the settings we send. */
export function isPoolerError(error: unknown): boolean {
  return error instanceof Error && error.message.includes('unsupported startup parameter');
}

/**
 * A pooler hands the sessions of the server around, or forgets what was asked of them. What we rely on
 * belongs to a session: time-outs, prepared statements, LISTEN, the lock of a migration.
 */
export function poolerInBetween(cause?: unknown): AppError {
  return new AppError('config_invalid', {
    text: 'A connection pooler stands between authctl and PostgreSQL, and keeps back the settings of our sessions.',
    hint: 'point AUTHCTL_DATABASE_URL at PostgreSQL itself; AUTHCTL_DATABASE_POOL bounds the connections of a process',
    cause,
  });
}

const IS_READ_ONLY = statement(
  'server.is_read_only',
  `SELECT current_setting('transaction_read_only') = 'on' AS answer`,
);

/** Whether it takes no writes: a standby, or a primary that was replaced or closed for them. */
export async function isReadOnly(on: Pick<Queryable, 'query'>): Promise<boolean> {
  const [row] = await on.query<{ answer: boolean }>(IS_READ_ONLY);
  return row!.answer;
}

/** @throws AppError `dependency_unreachable` */
export async function requireWritable(on: Pick<Queryable, 'query'>): Promise<void> {
  if (!(await isReadOnly(on))) return;
  throw new AppError('dependency_unreachable', {
    text: 'PostgreSQL is read-only: this is a standby, or it is closed for writing.',
    hint: 'point AUTHCTL_DATABASE_URL at the primary, or promote this server',
  });
}

/**
 * The settings of the server, the database or our role by which a crash loses what was acknowledged, or
 * tears what lies on disk.
 */
export async function findUnsafeSettings(on: Queryable): Promise<string[]> {
  const rows = await on.query<{ name: string }>(UNSAFE_SETTINGS);
  return rows.map(({ name }) => name);
}
