import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMigrator } from '../../../src/db/migrate/index.ts';
import { log, openMigrator } from './migrator.ts';
import { copyPrismaFolder } from './prisma-folder.ts';
import { openSchema } from './support.ts';

const NOW = new Date('2098-07-01T12:34:56Z');

/** A migrator at a fixed time that has no database to go to. */
function offlineMigrator(prismaDir: string, now = NOW) {
  const clock = { now: () => now, monotonicMs: () => 0 };
  return createMigrator({
    connectionString: 'postgresql:///?host=/nowhere',
    prismaDir,
    log,
    clock,
  });
}

async function editSchema(prismaDir: string, from: string, to: string): Promise<void> {
  const file = join(prismaDir, 'schema.prisma');
  const text = await readFile(file, 'utf8');
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
}

test('a new migration holds the way from the last data model to the current one, and back', async () => {
  const prismaDir = await copyPrismaFolder();
  const migrator = offlineMigrator(prismaDir);
  await editSchema(prismaDir, 'model Domain {', 'model Domain {\n  note String?');
  const first = await migrator.create('add_domain_note');

  expect(first.folder).toBe(join(prismaDir, 'migrations/20980701123456_add_domain_note'));
  expect(first.sql).toContain('ALTER TABLE "domains" ADD COLUMN     "note" TEXT');
  expect(await readFile(join(first.folder, 'migration.sql'), 'utf8')).toBe(first.sql);
  expect(await readFile(join(first.folder, 'down.sql'), 'utf8')).toContain('DROP COLUMN "note"');

  await editSchema(prismaDir, 'note String?', 'note String?\n  motto String?');
  const second = await offlineMigrator(prismaDir, new Date('2098-07-02')).create('add_motto');
  expect(second.sql).toContain('"motto"');
  expect(second.sql).not.toContain('"note"');

  const { connectionString, tables } = await openSchema(prismaDir);
  const online = openMigrator(connectionString, prismaDir);
  const { applied } = await online.apply();
  expect(applied.slice(-2)).toEqual(['20980701123456_add_domain_note', '20980702000000_add_motto']);
  await online.down(applied.length);
  expect(await tables()).toEqual([]);
});

test('without a change of the data model a new migration waits for statements written by hand', async () => {
  const { sql } = await offlineMigrator(await copyPrismaFolder()).create('tighten_checks');
  expect(sql).toBe('-- schema.prisma has not changed: write the statements here.\n');
});

test('a name that is not in snake_case is refused, with an example', async () => {
  const migrator = offlineMigrator(await copyPrismaFolder());
  for (const name of ['', 'Add', '../up', 'a b', '1st', 'a'.repeat(61)])
    await expect(migrator.create(name)).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('authctl migrate new'),
    });
});

test('a clock behind the last migration is refused, since the new one would run before it', async () => {
  const migrator = offlineMigrator(await copyPrismaFolder(), new Date('2001-01-01'));
  await expect(migrator.create('late')).rejects.toMatchObject({ code: 'conflict' });
});
