import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A migration this program brings along: one folder of `prisma/migrations`. */
export interface Migration {
  /** `<UTC time>_<what it does>`; the time is the order. */
  readonly name: string;
  readonly sql: string;
  /** Undoes `sql`. */
  readonly downSql: string;
  /** SHA-256 of `migration.sql`, as Prisma's engine writes it to `_prisma_migrations`. */
  readonly checksum: string;
}

const FOLDER = /^\d{14}_[a-z0-9_]+$/;

/** Reads the migrations from disk, oldest first. */
export async function readMigrations(prismaDir: string): Promise<Migration[]> {
  const entries = await readdir(join(prismaDir, 'migrations'), { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && FOLDER.test(entry.name));
  const migrations = await Promise.all(names.map(({ name }) => readMigration(prismaDir, name)));
  return migrations.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function readMigration(prismaDir: string, name: string): Promise<Migration> {
  const folder = join(prismaDir, 'migrations', name);
  const [sql, downSql] = await Promise.all([
    readFile(join(folder, 'migration.sql'), 'utf8'),
    readFile(join(folder, 'down.sql'), 'utf8'),
  ]);
  return { name, sql, downSql, checksum: createHash('sha256').update(sql).digest('hex') };
}
