import { describe, expect, test } from 'vitest';
import { checkSchema } from '../../../src/db/migrate/check-schema.ts';
import { readMigrations } from '../../../src/db/migrate/read-migrations.ts';
import { openMigrator, PRISMA_DIR } from './migrator.ts';
import { addMigration, copyPrismaFolder } from './prisma-folder.ts';
import { openSchema } from './support.ts';

const NEWER = '20990101000000_newer';

describe('a program checks the schema at start', () => {
  test('a current schema passes', async () => {
    const { migrator, db } = await openSchema();
    await migrator.apply();
    await checkSchema(db, await readMigrations(PRISMA_DIR));
  });

  test('a database that was never migrated is refused, with the command that migrates it', async () => {
    const { db } = await openSchema();
    await expect(checkSchema(db, await readMigrations(PRISMA_DIR))).rejects.toMatchObject({
      code: 'schema_mismatch',
      exitCode: 4,
      message: 'The database has no schema yet.',
      hint: 'run: authctl migrate',
    });
  });

  test('an older schema is refused, naming what is missing', async () => {
    const { migrator, db } = await openSchema();
    await migrator.apply();
    const prismaDir = await copyPrismaFolder();
    await addMigration(prismaDir, NEWER, ['SELECT 1', 'SELECT 1']);

    await expect(checkSchema(db, await readMigrations(prismaDir))).rejects.toMatchObject({
      code: 'schema_mismatch',
      message: expect.stringContaining(`older than this program: ${NEWER} not applied`),
      hint: 'run: authctl migrate',
    });
  });

  test('a newer schema is refused, by apply and down too, with both ways out', async () => {
    const prismaDir = await copyPrismaFolder();
    await addMigration(prismaDir, NEWER, ['CREATE TABLE newer (id int)', 'DROP TABLE newer']);
    const { connectionString, migrator, db, tables } = await openSchema(prismaDir);
    await migrator.apply();
    const refusal = {
      code: 'schema_mismatch',
      message: expect.stringContaining(NEWER),
      hint: expect.stringContaining('authctl migrate down --steps 1 --yes'),
    };

    const older = openMigrator(connectionString);
    expect(await older.status()).toMatchObject({ state: 'ahead', unknown: [NEWER] });
    await expect(checkSchema(db, await readMigrations(PRISMA_DIR))).rejects.toMatchObject(refusal);
    await expect(older.apply()).rejects.toMatchObject(refusal);
    await expect(older.down(1)).rejects.toMatchObject(refusal);
    expect(await tables()).toContain('newer');
  });

  test('an applied migration whose text has changed is refused', async () => {
    const prismaDir = await copyPrismaFolder();
    await addMigration(prismaDir, NEWER, ['CREATE TABLE newer (id int)', 'DROP TABLE newer']);
    const { migrator, db } = await openSchema(prismaDir);
    await migrator.apply();
    await addMigration(prismaDir, NEWER, ['CREATE TABLE newer (id bigint)', 'DROP TABLE newer']);

    expect(await migrator.status()).toMatchObject({ state: 'diverged', edited: [NEWER] });
    const refusal = {
      code: 'schema_mismatch',
      message: expect.stringContaining(NEWER),
      hint: expect.stringContaining('restore its migration.sql'),
    };
    await expect(checkSchema(db, await readMigrations(prismaDir))).rejects.toMatchObject(refusal);
    await expect(migrator.apply()).rejects.toMatchObject(refusal);
  });

  test('histories of two lines of releases are told apart from an older schema', async () => {
    const prismaDir = await copyPrismaFolder();
    await addMigration(prismaDir, NEWER, ['SELECT 1', 'SELECT 1']);
    const { connectionString, migrator } = await openSchema(prismaDir);
    await migrator.apply();
    const otherLine = await copyPrismaFolder();
    await addMigration(otherLine, '20990101000000_other', ['SELECT 1', 'SELECT 1']);

    const other = openMigrator(connectionString, otherLine);
    expect((await other.status()).state).toBe('diverged');
    await expect(other.apply()).rejects.toThrow(/another line of releases/);
  });
});
