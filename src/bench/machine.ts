import { statfs } from 'node:fs/promises';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { Client } from 'pg';
import {
  activityBetween,
  type DatabaseActivity,
  type DatabaseCounters,
  readDatabaseCounters,
  untilDisconnected,
} from './database-activity.ts';

/** What the figures were measured on: without it they mean nothing. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** The appliance's own settings that were not left at their default, `AUTHCTL_LIMITS=off`. */
  readonly settings?: readonly string[];
  /** Absent where the database is out of reach (`--url`). */
  readonly database?: DatabaseFacts;
  /** The file system of the data folder: on `tmpfs` a durable commit costs nothing. */
  readonly fileSystem?: string;
}

export interface DatabaseFacts {
  readonly version: string;
  /** Server settings that decide what a commit promises and what it costs. */
  readonly settings: Readonly<Record<string, string>>;
  /** From the start of the appliance to its stop: scene and warm-up are in it. */
  readonly activity?: DatabaseActivity;
}

const TUNABLES = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'wal_compression',
  'wal_buffers',
  'max_wal_size',
  'checkpoint_timeout',
  'commit_delay',
  'shared_buffers',
  'work_mem',
  'max_connections',
  'autovacuum',
  'jit',
] as const;

/** Magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  16914836: 'tmpfs',
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
};

/** An own appliance's database, and what it had counted when the appliance had started. */
export interface MeasuredDatabase {
  readonly connectionString: string;
  readonly before: DatabaseCounters;
}

/** @param measured of an appliance that has stopped: what PostgreSQL counted is complete only then */
export async function readMachineFacts(
  dataDir?: string,
  measured?: MeasuredDatabase,
): Promise<MachineFacts> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${arch()}`,
    node: process.versions.node,
    ...(dataDir === undefined ? {} : { fileSystem: await fileSystemOf(dataDir) }),
    ...(measured === undefined ? {} : { database: await readDatabase(measured) }),
  };
}

/** Reads what a database has counted up to now, for `readMachineFacts` to compare with. */
export function startMeasuring(connectionString: string): Promise<MeasuredDatabase> {
  return withClient(connectionString, async (client) => ({
    connectionString,
    before: await readDatabaseCounters(client),
  }));
}

async function fileSystemOf(folder: string): Promise<string> {
  const { type: magic } = await statfs(folder);
  return FILE_SYSTEMS[magic] ?? `0x${magic.toString(16)}`;
}

function readDatabase({ connectionString, before }: MeasuredDatabase): Promise<DatabaseFacts> {
  return withClient(connectionString, async (client) => {
    await untilDisconnected(client);
    const activity = activityBetween(before, await readDatabaseCounters(client));
    const { rows } = await client.query<{ name: string; setting: string }>(
      'SELECT name, current_setting(name) AS setting FROM pg_settings WHERE name = ANY($1)',
      [['server_version', ...TUNABLES]],
    );
    const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
    const { server_version: version = 'unknown', ...rest } = settings;
    return { version, settings: rest, activity };
  });
}

async function withClient<T>(
  connectionString: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
