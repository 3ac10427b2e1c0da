/**
 * Writes `prisma/catalogue.json`: the schema that the migrations make, as PostgreSQL's catalogue has
 * it, read from a throwaway database. With `--check` it writes nothing and fails when the file is
 * not what the migrations make.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { joinEmbeddedPostgres } from '../src/db/embedded/join.ts';
import { createMigrator } from '../src/db/migrate/index.ts';
import { readCatalogue } from '../src/db/migrate/read-catalogue.ts';
import { systemClock } from '../src/lib/clock.ts';
import { createLogger } from '../src/lib/logger.ts';
import { packageRoot } from '../src/lib/package-root.ts';

async function main(check: boolean): Promise<void> {
  const prismaDir = join(packageRoot(), 'prisma');
  const file = join(prismaDir, 'catalogue.json');
  const made = `${JSON.stringify(await withThrowawayDatabase(migrated(prismaDir)), null, 2)}\n`;
  if (!check) return writeFile(file, made);
  if ((await readFile(file, 'utf8')) !== made)
    throw new Error(
      'prisma/catalogue.json is not what the migrations make; run: npm run catalogue',
    );
}

const log = createLogger({ level: 'warn' });

function migrated(prismaDir: string) {
  return async (connectionString: string) => {
    await createMigrator({ connectionString, prismaDir, log, clock: systemClock }).apply();
    const client = new Client(connectionString);
    await client.connect();
    try {
      return await readCatalogue(client);
    } finally {
      await client.end();
    }
  };
}

async function withThrowawayDatabase<T>(work: (connectionString: string) => Promise<T>) {
  const dataDir = await mkdtemp(join(tmpdir(), 'authctl-catalogue-'));
  try {
    const postgres = await joinEmbeddedPostgres({ dataDir, log });
    try {
      return await work(postgres.connectionString);
    } finally {
      await postgres.leave();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

if (import.meta.main) await main(process.argv.includes('--check'));
