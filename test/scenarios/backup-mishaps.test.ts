import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, openSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStream, sealStream } from '../../src/crypto/sealed-stream.ts';
import { MIGRATION_LOCK } from '../../src/db/migrate/session.ts';
import { createByteReader } from '../../src/lib/byte-reader.ts';
import { packageRoot } from '../../src/lib/package-root.ts';
import { backupKey, readHeader } from '../../src/services/backup/header.ts';
import { parseMasterKey } from '../../src/services/key/master-key.ts';
import { runAuthctl } from '../cli/support/run-program.ts';
import { createAccount } from '../support/accounts.ts';
import { MASTER_KEY, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { runBeside } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { createEmptyDatabase, createTestDatabase } from '../support/postgres.ts';

const BIN = join(packageRoot(), 'bin/run.js');

let appliance: TestAppliance;
let folder: string;
let backup: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authctl-mishaps-'));
  appliance = await startAppliance();
  await createAccount(appliance);
  backup = join(folder, 'authctl.backup');
  expect(await runBeside(appliance, ['backup', backup])).toMatchObject({ code: 0, stderr: '' });
});
afterAll(async () => {
  await appliance.stop();
  await rm(folder, { recursive: true });
});

/** The socket is in the query; the setting wants a URL with a host all the same. */
const environmentOf = (connectionString: string) => ({
  AUTHCTL_DATABASE_URL: connectionString.replace('@/', '@localhost/'),
  AUTHCTL_MASTER_KEY: MASTER_KEY,
});

/** Starts a backup to standard output, wherever that goes. */
function backupInto(stdout: 'pipe' | number) {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, ...environmentOf(appliance.core.store.connectionString) };
  return spawn(process.execPath, [BIN, 'backup', '-'], { env, stdio: ['ignore', stdout, 'pipe'] });
}

test('a reader that goes away is a failed backup, and not the database’s fault', async () => {
  const child = backupInto('pipe');
  child.stdout?.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  expect(code).toBe(1);
  expect(said).toContain('cannot be written to standard output');
});

test('a full disk behind standard output is said in a sentence', async () => {
  const child = backupInto(openSync('/dev/full', 'w'));
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  expect(code).toBe(1);
  expect(said).toMatch(/^error: The backup cannot be written to standard output: ENOSPC/);
});

test('where there is no installation there is nothing to back up, and none is made', async () => {
  const env = { AUTHCTL_DATA_DIR: join(folder, 'elsewhere') };
  const path = join(folder, 'of-nothing.backup');
  const { code, stderr } = await runAuthctl(['backup', path], { env });
  expect(code).toBe(2);
  expect(stderr).toContain('There is no installation in');
  expect((await readdir(folder)).filter((name) => /elsewhere|nothing/.test(name))).toEqual([]);
});

test('a backup that is interrupted, or meets a name that is taken, leaves nothing beside it', async () => {
  const own = join(folder, 'own');
  await mkdir(own);
  await symlink(join(folder, 'nowhere'), join(own, 'a.backup'));
  const taken = await runBeside(appliance, ['backup', join(own, 'a.backup'), '--json']);
  expect(JSON.parse(taken.stdout).error.code).toBe('usage');
  expect(await readdir(own)).toEqual(['a.backup']);

  const lock = await lockMigrations();
  const path = join(own, 'b.backup');
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, ...environmentOf(appliance.core.store.connectionString) };
  const child = spawn(process.execPath, [BIN, 'backup', path], { env, stdio: 'ignore' });
  await eventually('the backup has begun', async () => (await readdir(own)).length === 2);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([130, null]);
  await lock.end();
  expect(await readdir(own)).toEqual(['a.backup']);
});

/** Holds what a migration holds; ended with its connection. */
async function lockMigrations(connectionString = appliance.core.store.connectionString) {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query(`SELECT pg_advisory_lock(${MIGRATION_LOCK})`);
  return client;
}

/** Waits until as many backups and restores wait for the migration as are told. */
function waiting(client: Client, count: number): Promise<void> {
  return eventually('they wait for the migration', async () => {
    const { rowCount } = await client.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database()
       AND application_name = 'authctl copy' AND wait_event = 'advisory'`,
    );
    return rowCount === count;
  });
}

const MIGRATE_ON = `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
  VALUES ('x', 'x', '99990101000000_of_a_newer_release', now())`;
const MIGRATE_BACK = `DELETE FROM _prisma_migrations WHERE id = 'x'`;

test('a backup does not begin before a migration has ended, nor of a schema it does not know', async () => {
  const migration = await lockMigrations();
  const path = join(folder, 'migrating.backup');
  const running = runBeside(appliance, ['backup', path]);
  await waiting(migration, 1);
  await migration.query(MIGRATE_ON);
  await migration.query('SELECT pg_advisory_unlock_all()');
  expect(await running).toMatchObject({ code: 4 });
  await migration.query(MIGRATE_BACK);
  await migration.end();
  expect(await readdir(folder)).not.toContain('migrating.backup');
});

test('a restore sees that a database was migrated just before it', async () => {
  const database = await createTestDatabase();
  const env = environmentOf(database.connectionString);
  const migration = await lockMigrations(database.connectionString);
  const running = runAuthctl(['restore', backup], { env });
  await waiting(migration, 1);
  await migration.query(MIGRATE_ON);
  await migration.query('SELECT pg_advisory_unlock_all()');
  expect(await running).toMatchObject({ code: 4 });
  await migration.query(MIGRATE_BACK);
  await migration.end();
  expect(await runAuthctl(['restore', backup], { env })).toMatchObject({ code: 0, stderr: '' });
  await database.drop();
});

test('who waits too long for a migration is told so', async () => {
  const migration = await lockMigrations();
  const answer = await runBeside(appliance, ['backup', join(folder, 'late.backup'), '--json']);
  await migration.end();
  expect(answer.code).toBe(3);
  expect(JSON.parse(answer.stdout).error.code).toBe('unavailable');
});

test('whoever starts while it restores waits, and finds what was restored', async () => {
  const database = await createTestDatabase();
  const starting = new Client({ connectionString: database.connectionString });
  await starting.connect();
  await starting.query('BEGIN; SELECT FROM instance');
  const running = runAuthctl(['restore', backup], {
    env: environmentOf(database.connectionString),
  });
  await eventually('they keep each other out', async () => {
    const { rowCount } = await starting.query(
      `SELECT FROM pg_locks WHERE relation = 'instance'::regclass AND NOT granted`,
    );
    return rowCount === 1;
  });
  await starting.query('COMMIT');
  expect(await running).toMatchObject({ code: 0, stderr: '' });
  await starting.end();
  await database.drop();
});

test('a backup that holds other than it says at its end restores nothing', async () => {
  const reader = createByteReader(createReadStream(backup));
  const { header, bytes } = await readHeader(reader);
  const key = backupKey(parseMasterKey(MASTER_KEY), header);
  const plain = gunzipSync(await buffer(openStream(key, bytes, reader.rest())));
  const count = plain.lastIndexOf('"users":1') + '"users":'.length;
  plain.write('2', count);
  const sealed = await buffer(sealStream(key, bytes, Readable.from([gzipSync(plain)])));
  const path = join(folder, 'miscounted.backup');
  await writeFile(path, Buffer.concat([bytes, sealed]));

  const database = await createEmptyDatabase();
  const env = environmentOf(database.connectionString);
  const answer = await runAuthctl(['restore', path, '--json'], { env });
  expect(JSON.parse(answer.stdout).error.code).toBe('validation_failed');
  expect(await runAuthctl(['restore', backup], { env })).toMatchObject({ code: 0, stderr: '' });
  await database.drop();
});

test('of a backup made amid a rotation of the master key both keys are asked for', async () => {
  const database = await createEmptyDatabase();
  const rotating = await startAppliance();
  const path = join(folder, 'rotating.backup');
  try {
    await rotating.sql(
      `UPDATE keys SET master_kid = 'feedfacefeedface' WHERE kid = (SELECT min(kid) FROM keys)`,
    );
    expect(await runBeside(rotating, ['backup', path])).toMatchObject({ code: 0 });
  } finally {
    await rotating.stop();
  }
  const env = environmentOf(database.connectionString);
  const { code, stderr } = await runAuthctl(['restore', path], { env });
  expect(code).toBe(2);
  expect(stderr).toContain('some keys need the master key feedfacefeedface too');
  expect(await runAuthctl(['restore', backup], { env })).toMatchObject({ code: 0, stderr: '' });
  await database.drop();
});

test('a file of a stranger makes and changes nothing, not even a database to restore into', async () => {
  const whole = await readFile(backup);
  const header = whole.indexOf('\n', whole.indexOf('\n') + 1);
  const forged = Buffer.from(whole);
  forged[header + 100]! ^= 1;
  const path = join(folder, 'forged.backup');
  await writeFile(path, forged);
  const data = join(folder, 'data');
  await mkdir(data, { mode: 0o700 });
  await writeFile(join(data, 'master.key'), MASTER_KEY, { mode: 0o600 });
  const answer = await runAuthctl(['restore', path], { env: { AUTHCTL_DATA_DIR: data } });
  expect(answer).toMatchObject({ code: 1, stdout: '' });
  expect(await readdir(data)).toEqual(['master.key']);
});
