import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiffTarget } from '@prisma/schema-engine-wasm/schema_engine_bg';
import { expect, test } from 'vitest';
import { NO_FILTERS, withEngine } from '../../../src/db/migrate/engine.ts';
import { readCatalogue } from '../../../src/db/migrate/read-catalogue.ts';
import { readMigrations } from '../../../src/db/migrate/read-migrations.ts';
import { introspectingAdapter } from './introspecting-adapter.ts';
import { log, PRISMA_DIR } from './migrator.ts';
import { openSchema } from './support.ts';

test('the migrations make exactly the schema of prisma/catalogue.json (else: npm run catalogue)', async () => {
  const { migrator, client } = await openSchema();
  await migrator.apply();
  const committed = JSON.parse(await readFile(join(PRISMA_DIR, 'catalogue.json'), 'utf8'));
  expect(await readCatalogue(client)).toEqual(committed);
});

test('the migrations make the data model of schema.prisma, as Prisma sees it', async () => {
  const { connectionString, migrator } = await openSchema();
  await migrator.apply();
  const files = [{ path: 'schema.prisma', content: await readSchema() }];

  const live: DiffTarget = { tag: 'schemaDatasource', files, configDir: PRISMA_DIR };
  expect(await differences(connectionString, live)).toBe('-- This is an empty migration.');
});

test('a difference from schema.prisma would be seen', async () => {
  const { connectionString, migrator, query } = await openSchema();
  await migrator.apply();
  await query('ALTER TABLE domains DROP COLUMN challenge');
  const files = [{ path: 'schema.prisma', content: await readSchema() }];

  const live: DiffTarget = { tag: 'schemaDatasource', files, configDir: PRISMA_DIR };
  expect(await differences(connectionString, live)).toContain('"challenge"');
});

test('the copy of schema.prisma beside the last migration is the data model it leads to', async () => {
  const { connectionString } = await openSchema();
  const last = (await readMigrations(PRISMA_DIR)).at(-1)?.name ?? '';
  const content = await readSchema(join('migrations', last));

  const copy: DiffTarget = { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content }] };
  expect(await differences(connectionString, copy)).toBe('-- This is an empty migration.');
});

function readSchema(folder = ''): Promise<string> {
  return readFile(join(PRISMA_DIR, folder, 'schema.prisma'), 'utf8');
}

/** What it takes to come from there to `schema.prisma`, as SQL. */
async function differences(connectionString: string, from: DiffTarget): Promise<string> {
  const files = [{ path: 'schema.prisma', content: await readSchema() }];
  const result = await withEngine(introspectingAdapter(connectionString), log, (engine) =>
    engine.diff({
      from,
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: true,
      filters: NO_FILTERS,
    }),
  );
  return result.stdout?.trim() ?? '';
}
