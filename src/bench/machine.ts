import { statfs } from 'node:fs/promises';
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { Client } from 'pg';

/** What the figures were measured on: without it they mean nothing. */
export interface MachineFacts {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Absent where the database is out of reach (`--url`). */
  readonly database?: DatabaseFacts;
  /** The file system of the data folder: on `tmpfs` a durable commit costs nothing. */
  readonly fileSystem?: string;
}

export interface DatabaseFacts {
  readonly version: string;
  /** Server settings that decide what a commit promises. */
  readonly settings: Readonly<Record<string, string>>;
}

const DURABILITY = ['fsync', 'synchronous_commit', 'full_page_writes'] as const;

/** Magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  16914836: 'tmpfs',
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
};

export async function readMachineFacts(
  dataDir?: string,
  connectionString?: string,
): Promise<MachineFacts> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()} ${arch()}`,
    node: process.versions.node,
    ...(dataDir === undefined ? {} : { fileSystem: await fileSystemOf(dataDir) }),
    ...(connectionString === undefined ? {} : { database: await readDatabase(connectionString) }),
  };
}

async function fileSystemOf(folder: string): Promise<string> {
  const { type: magic } = await statfs(folder);
  return FILE_SYSTEMS[magic] ?? `0x${magic.toString(16)}`;
}

async function readDatabase(connectionString: string): Promise<DatabaseFacts> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; setting: string }>(
      'SELECT name, setting FROM pg_settings WHERE name = ANY($1)',
      [['server_version', ...DURABILITY]],
    );
    const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
    const { server_version: version = 'unknown', ...rest } = settings;
    return { version, settings: rest };
  } finally {
    await client.end();
  }
}
