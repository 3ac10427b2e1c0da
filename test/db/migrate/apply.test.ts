import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runNode } from '../../cli/support/run-program.ts';
import { openMigrator, PRISMA_DIR } from './migrator.ts';
import { addMigration, copyPrismaFolder, makePrismaFolder } from './prisma-folder.ts';
import { openSchema } from './support.ts';

const ONE = ['CREATE TABLE one (id int)', 'DROP TABLE one'] as const;
const TWO = ['CREATE TABLE two (id int)', 'DROP TABLE two'] as const;

test('an empty database gets the schema, and a second run finds nothing to do', async () => {
  const { migrator } = await openSchema();

  expect((await migrator.status()).state).toBe('empty');
  const { applied } = await migrator.apply();
  expect(applied).toContain('20261122060000_initial');
  expect(await migrator.apply()).toEqual({ applied: [] });
  expect(await migrator.status()).toMatchObject({ state: 'current', pending: [], failed: [] });
});

test('what plan shows is what apply runs, in order', async () => {
  const prismaDir = await makePrismaFolder({
    '20260102000000_two': TWO,
    '20260101000000_one': ONE,
  });
  const { migrator } = await openSchema(prismaDir);

  expect(await migrator.plan()).toEqual({
    migrations: [
      { name: '20260101000000_one', sql: ONE[0] },
      { name: '20260102000000_two', sql: TWO[0] },
    ],
  });
  expect((await migrator.apply()).applied).toEqual(['20260101000000_one', '20260102000000_two']);
  expect(await migrator.plan()).toEqual({ migrations: [] });
});

test('of five that migrate an empty database at once exactly one applies, and none fails', async () => {
  const { connectionString, migrator } = await openSchema();
  const migrators = Array.from({ length: 5 }, () => openMigrator(connectionString));

  const outcomes = await Promise.all(migrators.map((each) => each.apply()));

  expect(outcomes.filter(({ applied }) => applied.length > 0)).toHaveLength(1);
  expect((await migrator.status()).state).toBe('current');
});

test('a newer program adds its migration to a database with data', async () => {
  const { connectionString, migrator, query } = await openSchema();
  await migrator.apply();
  await query(`INSERT INTO domains (name, challenge) VALUES ('example.com', 'x')`);
  const prismaDir = await copyPrismaFolder();
  const up = `ALTER TABLE domains ADD COLUMN note text NOT NULL DEFAULT 'none'`;
  await addMigration(prismaDir, '20990101000000_note', [
    up,
    'ALTER TABLE domains DROP COLUMN note',
  ]);

  expect(await openMigrator(connectionString, prismaDir).apply()).toEqual({
    applied: ['20990101000000_note'],
  });
  expect(await query('SELECT name, note FROM domains')).toEqual([
    { name: 'example.com', note: 'none' },
  ]);
});

test('a migration with function bodies, strings and comments that hold semicolons runs as written', async () => {
  const up = `-- Counts; every time.
    CREATE TABLE counted (note text DEFAULT 'a;b');
    CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.note := NEW.note || ';c'; RETURN NEW; END $$;
    CREATE TRIGGER counting BEFORE INSERT ON counted FOR EACH ROW EXECUTE FUNCTION count_it();
    INSERT INTO counted DEFAULT VALUES -- the end`;
  const prismaDir = await makePrismaFolder({ '20260101000000_counted': [up, ''] });
  const { migrator, query } = await openSchema(prismaDir);

  await migrator.apply();
  expect(await query('SELECT note FROM counted')).toEqual([{ note: 'a;b;c' }]);
});

test('a process that has migrated is not kept alive by it', async () => {
  const { connectionString } = await openSchema();
  const program = join(import.meta.dirname, 'apply-once.ts');

  const { code, stdout } = await runNode(program, [connectionString, PRISMA_DIR]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).not.toContain('Timeout');
});

test('a database that cannot be reached is said to be so', async () => {
  const migrator = openMigrator('postgresql://authctl@localhost/authctl?host=/nowhere');
  await expect(migrator.apply()).rejects.toMatchObject({
    code: 'dependency_unreachable',
    hint: expect.stringContaining('AUTHCTL_DATABASE_URL'),
  });
});

test('a database that belongs to another program is refused', async () => {
  const { migrator, query, tables } = await openSchema();
  await query('CREATE TABLE theirs (id int)');

  await expect(migrator.apply()).rejects.toMatchObject({
    code: 'schema_mismatch',
    message: expect.stringContaining('not empty'),
    hint: expect.stringContaining('a database of its own'),
  });
  expect(await tables()).toEqual(['theirs']);
});
