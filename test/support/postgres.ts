import { Client } from 'pg';
import { inject } from 'vitest';
import { randomCode } from '../../src/crypto/random.ts';
import { databaseUrl, TEMPLATE } from './template.ts';

/** SQLSTATE object_in_use: a session of the template has yet to end. */
const OBJECT_IN_USE = '55006';
const CLONE_ATTEMPTS = 50;
const CLONE_PAUSE_MS = 100;

export interface TestDatabase {
  readonly connectionString: string;
  /** Removes it, ending whoever is still connected. */
  drop(): Promise<void>;
}

/** Makes a database of the current schema, without rows, on the run's PostgreSQL: one a test file. */
export function createTestDatabase(): Promise<TestDatabase> {
  return createDatabase(TEMPLATE);
}

/** Makes a database without even the schema. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase('template0');
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const maintenanceUrl = inject('postgresUrl');
  const name = `test_${randomCode(10).toLowerCase()}`;
  await clone(maintenanceUrl, name, template);
  return {
    connectionString: databaseUrl(maintenanceUrl, name),
    drop: () => run(maintenanceUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function clone(maintenanceUrl: string, name: string, template: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(maintenanceUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
    } catch (error) {
      const isInUse = error instanceof Error && 'code' in error && error.code === OBJECT_IN_USE;
      if (!isInUse || attempt === CLONE_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, CLONE_PAUSE_MS));
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
