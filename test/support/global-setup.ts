import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { joinEmbeddedPostgres } from '../../src/db/embedded/join.ts';
import { createMigrator } from '../../src/db/migrate/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { packageRoot } from '../../src/lib/package-root.ts';
import { databaseUrl, TEMPLATE } from './template.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A database of the run's server, to make others from. */
    postgresUrl: string;
  }
}

const log = createLogger({ level: 'warn' });

/** One embedded PostgreSQL for the whole run, in a folder of its own, with a migrated template. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp('/tmp/authctl-test-');
  const postgres = await joinEmbeddedPostgres({ dataDir, log });
  await makeTemplate(postgres.connectionString);
  project.provide('postgresUrl', postgres.connectionString);
  return async () => {
    await postgres.leave();
    await rm(dataDir, { recursive: true });
  };
}

async function makeTemplate(maintenanceUrl: string): Promise<void> {
  const client = new Client({ connectionString: maintenanceUrl });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${TEMPLATE}`);
    await prepareTemplate(databaseUrl(maintenanceUrl, TEMPLATE));
    // A template with a session open cannot be cloned: let nobody in by mistake.
    await client.query(`ALTER DATABASE ${TEMPLATE} ALLOW_CONNECTIONS false`);
  } finally {
    await client.end();
  }
}

/** What every test database starts with: the schema, and no rows. */
async function prepareTemplate(connectionString: string): Promise<void> {
  const prismaDir = join(packageRoot(), 'prisma');
  await createMigrator({ connectionString, prismaDir, log, clock: systemClock }).apply();
}
