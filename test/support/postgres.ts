import { Client } from 'pg';
import { inject } from 'vitest';
import { randomCode } from '../../src/crypto/random.ts';
import { databaseUrl, TEMPLATE } from './template.ts';

/**
 * SQLSTATEs of what has yet to end: `object_in_use`, a session of the template;
 * `insufficient_privilege`, a vacuum of the server's own, which our role may not terminate.
 */
const PASSING = ['55006', '42501'];
const ATTEMPTS = 50;
const PAUSE_MS = 100;

export interface TestDatabase {
  readonly connectionString: string;
  /** Removes it, ending whoever is still connected. */
  drop(): Promise<void>;
}

/** Makes a database of the current schema, without rows, on the run's PostgreSQL: one a test file. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(TEMPLATE);
}

/** Makes a database without even the schema. @param options of CREATE DATABASE: `ENCODING …` */
export function createEmptyDatabase(options = ''): Promise<TestDatabase> {
  return createDatabase(`template0 ${options}`);
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const maintenanceUrl = inject('postgresUrl');
  const name = `test_${randomCode(10).toLowerCase()}`;
  await runPatiently(maintenanceUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    connectionString: databaseUrl(maintenanceUrl, name),
    drop: () => runPatiently(maintenanceUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function runPatiently(url: string, sql: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(url, sql);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!PASSING.includes(code) || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
