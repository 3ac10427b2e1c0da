import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkSchema } from '../../../src/db/migrate/check-schema.ts';
import { readMigrations } from '../../../src/db/migrate/read-migrations.ts';
import { withMigrationLock } from '../../../src/db/migrate/session.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { openMigrator } from './migrator.ts';
import { addMigration, makePrismaFolder } from './prisma-folder.ts';
import { openSchema, type TestSchema } from './support.ts';

const log = createLogger({ level: 'silent' });
const ONE = ['CREATE TABLE one (id int)', 'DROP TABLE one'] as const;
const SLOW = 'CREATE TABLE two (id int); SELECT pg_sleep(60)';
const TWO_DOWN = 'DROP TABLE two';

test('a migration that fails half way leaves nothing, says where, and runs again once corrected', async () => {
  const prismaDir = await makePrismaFolder({
    '20260101000000_one': ONE,
    '20260102000000_two': ['CREATE TABLE two (id int);\n\nSELECT 1 / 0;', TWO_DOWN],
    '20260103000000_three': ['CREATE TABLE three (id int)', 'DROP TABLE three'],
  });
  const schema = await openSchema(prismaDir);
  const { migrator, tables, db } = schema;

  await expect(migrator.apply()).rejects.toMatchObject({
    code: 'schema_mismatch',
    message: expect.stringMatching(/20260102000000_two failed: division by zero.*nothing/i),
    hint: expect.stringContaining('authctl migrate'),
  });
  expect(await tables()).toEqual(['one']);
  expect(await migrator.status()).toMatchObject({
    state: 'behind',
    applied: [{ name: '20260101000000_one' }],
    pending: ['20260102000000_two', '20260103000000_three'],
    failed: ['20260102000000_two'],
  });
  await expect(checkSchema(db, await readMigrations(prismaDir))).rejects.toMatchObject({
    code: 'schema_mismatch',
    hint: 'run: authctl migrate',
  });

  await addMigration(prismaDir, '20260102000000_two', ['CREATE TABLE two (id int)', TWO_DOWN]);
  expect((await migrator.apply()).applied).toEqual(['20260102000000_two', '20260103000000_three']);
  expect(await migrator.status()).toMatchObject({ state: 'current', failed: [] });
  await checkSchema(db, await readMigrations(prismaDir));
});

test('a mistake in the SQL is reported with its line', async () => {
  const prismaDir = await makePrismaFolder({
    '20260101000000_one': ['CREATE TABLE one (id int);\n\nCREATE TABEL two (id int);', ''],
  });
  const { migrator, tables } = await openSchema(prismaDir);

  await expect(migrator.apply()).rejects.toThrow(
    /20260101000000_one failed at line 3: syntax error/,
  );
  expect(await tables()).toEqual([]);
});

test('a process killed in the middle of a migration leaves nothing of it, and the next one applies it', async () => {
  const prismaDir = await makePrismaFolder({
    '20260101000000_one': ONE,
    '20260102000000_two': [SLOW, TWO_DOWN],
  });
  const schema = await openSchema(prismaDir);
  const killed = startMigrating(schema, prismaDir);
  await untilSleeping(schema);
  killed.kill('SIGKILL');
  await once(killed, 'exit');

  await addMigration(prismaDir, '20260102000000_two', ['CREATE TABLE two (id int)', TWO_DOWN]);
  expect((await schema.migrator.apply()).applied).toEqual(['20260102000000_two']);
  expect(await schema.tables()).toEqual(['one', 'two']);
  expect(await schema.migrator.status()).toMatchObject({ state: 'current', failed: [] });
});

test('a connection lost in the middle of a migration leaves nothing of it', async () => {
  const prismaDir = await makePrismaFolder({ '20260101000000_slow': [SLOW, TWO_DOWN] });
  const schema = await openSchema(prismaDir);
  const applying = expect(schema.migrator.apply()).rejects.toMatchObject({
    code: 'dependency_unreachable',
  });
  await untilSleeping(schema);
  await schema.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'authctl migrate'`,
  );

  await applying;
  expect(await schema.tables()).toEqual([]);
  expect((await schema.migrator.status()).failed).toEqual(['20260101000000_slow']);
});

test('a migration and its record are one transaction: losing the engine after the commit loses nothing', async () => {
  // From here on the engine's own bookkeeping, which follows the commit, fails.
  const sabotage = `CREATE TABLE one (id int);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'killed here'; END $$;
    CREATE TRIGGER sabotage BEFORE UPDATE OF applied_steps_count ON _prisma_migrations
      FOR EACH ROW EXECUTE FUNCTION refuse();`;
  const prismaDir = await makePrismaFolder({ '20260101000000_one': [sabotage, 'DROP TABLE one'] });
  const { migrator, tables } = await openSchema(prismaDir);

  await expect(migrator.apply()).rejects.toThrow(/killed here/);
  expect(await tables()).toEqual(['one']);
  expect(await migrator.status()).toMatchObject({ state: 'current', failed: [] });
});

test('while one process migrates, another waits for it and finds nothing to do', async () => {
  const wait = `CREATE TABLE two (id int); SELECT pg_advisory_xact_lock(7), pg_sleep(0)`;
  const prismaDir = await makePrismaFolder({ '20260101000000_two': [wait, TWO_DOWN] });
  const { connectionString, migrator, query } = await openSchema(prismaDir);
  await query('SELECT pg_advisory_lock(7)');
  const outcomes = Promise.all([
    migrator.apply(),
    openMigrator(connectionString, prismaDir).apply(),
  ]);
  await expect.poll(() => waitingForLocks(query), { timeout: 10_000 }).toBe(2);
  await query('SELECT pg_advisory_unlock(7)');

  const applied = (await outcomes).flatMap((outcome) => outcome.applied);
  expect(applied).toEqual(['20260101000000_two']);
});

test('a migration may take its time, waits for a table for seconds only, and ends with its process', async () => {
  const { connectionString } = await openSchema();
  const limits = await withMigrationLock(connectionString, log, async (session) => {
    const { rows } = await session.query(
      `SELECT name, setting, unit FROM pg_settings WHERE name IN
         ('client_connection_check_interval', 'lock_timeout', 'statement_timeout') ORDER BY name`,
    );
    return rows;
  });
  expect(limits).toEqual([
    { name: 'client_connection_check_interval', setting: '1000', unit: 'ms' },
    { name: 'lock_timeout', setting: '5000', unit: 'ms' },
    { name: 'statement_timeout', setting: '0', unit: 'ms' },
  ]);
});

function startMigrating({ connectionString }: TestSchema, prismaDir: string) {
  const program = join(import.meta.dirname, 'apply-once.ts');
  return spawn(process.execPath, [program, connectionString, prismaDir], { stdio: 'inherit' });
}

function untilSleeping({ query }: TestSchema): Promise<void> {
  return expect
    .poll(
      () =>
        query(`SELECT 1 FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event = 'PgSleep'`),
      { timeout: 20_000 },
    )
    .toHaveLength(1);
}

async function waitingForLocks(query: TestSchema['query']): Promise<number> {
  const rows = await query(
    `SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows.length;
}
