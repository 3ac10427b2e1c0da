import { AppError } from '../errors.ts';
import { type Queryable, statement } from './database.ts';

/** As PostgreSQL counts: 15.0. */
const LEAST_VERSION = 150_000;

const FACTS = statement(
  'server.facts',
  `SELECT current_setting('server_version') AS version,
          current_setting('server_version_num')::int AS version_number,
          current_setting('server_encoding') AS encoding`,
);

interface Facts {
  readonly version: string;
  readonly version_number: number;
  readonly encoding: string;
}

const UNSAFE_SETTINGS = statement(
  'server.unsafe_settings',
  `SELECT name FROM pg_settings
   WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name`,
);

/**
 * Makes sure that a database can be ours at all, before anything is written to it: in another
 * encoding it would take some names and refuse others, one request at a time.
 * @throws AppError `config_invalid`
 */
export async function checkServer(on: Queryable): Promise<void> {
  const [facts] = await on.query<Facts & Record<string, unknown>>(FACTS);
  const { version, version_number: number, encoding } = facts!;
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
}

/**
 * The settings of the server, the database or our role by which a crash loses what was acknowledged, or
 * tears what lies on disk.
 */
export async function findUnsafeSettings(on: Queryable): Promise<string[]> {
  const rows = await on.query<{ name: string }>(UNSAFE_SETTINGS);
  return rows.map(({ name }) => name);
}
