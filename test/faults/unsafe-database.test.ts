import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { startAppliance } from '../support/appliance.ts';
import { createTestDatabase } from '../support/postgres.ts';

/** The warnings of an API node that starts on a database with this setting of its own. */
async function warningsWith(setting: string): Promise<Record<string, unknown>[]> {
  const database = await createTestDatabase();
  const folder = await mkdtemp('/tmp/authctl-unsafe-');
  onTestFinished(async () => {
    await database.drop();
    await rm(folder, { recursive: true });
  });
  const client = new Client({ connectionString: database.connectionString });
  await client.connect();
  const { rows } = await client.query('SELECT current_database() AS name');
  await client.query(`ALTER DATABASE ${rows[0].name} SET ${setting}`);
  await client.end();

  const file = join(folder, 'log');
  const env = { AUTHCTL_LOG_LEVEL: 'warn', AUTHCTL_LOG_FILE: file };
  await (await startAppliance({ database, env })).stop();
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
}

test('a database that confirms what it may still lose is named at the start', async () => {
  expect(await warningsWith('synchronous_commit = off')).toMatchObject([
    { level: 'warn', settings: ['synchronous_commit'] },
  ]);
});

test('one that waits for the disk is not', async () => {
  expect(await warningsWith('synchronous_commit = local')).toEqual([]);
});
