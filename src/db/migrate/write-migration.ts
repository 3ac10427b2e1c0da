import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { DiffTarget } from '@prisma/schema-engine-wasm/schema_engine_bg';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { NO_FILTERS, type SchemaEngine, withEngine } from './engine.ts';

const UNCHANGED = '-- schema.prisma has not changed: write the statements here.\n';

/**
 * Writes a migration's folder: `migration.sql`, the way from the last migration's data model to
 * `schema.prisma`; `down.sql`, the way back; and a copy of `schema.prisma`, from which the next one
 * starts. Comparing two data models needs no database, so the result depends on nothing but the
 * repository.
 * @param previous the last migration, or undefined for the first
 */
export async function writeMigration(
  prismaDir: string,
  name: string,
  previous: string | undefined,
  log: Logger,
): Promise<{ folder: string; sql: string }> {
  const schema = await readFile(join(prismaDir, 'schema.prisma'), 'utf8');
  const from = previous ? toTarget(await readEndState(prismaDir, previous)) : EMPTY;
  const [sql, downSql] = await withEngine(OFFLINE, log, async (engine) => [
    await diff(engine, from, toTarget(schema)),
    await diff(engine, toTarget(schema), from),
  ]);

  const folder = join(prismaDir, 'migrations', name);
  await mkdir(folder, { recursive: true });
  const files = { 'migration.sql': sql, 'down.sql': downSql, 'schema.prisma': schema };
  for (const [file, text] of Object.entries(files))
    await writeFile(join(folder, file), text, { flag: 'wx' });
  return { folder, sql };
}

const EMPTY: DiffTarget = { tag: 'empty' };

function toTarget(schema: string): DiffTarget {
  return { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: schema }] };
}

async function readEndState(prismaDir: string, migration: string): Promise<string> {
  const path = join(prismaDir, 'migrations', migration, 'schema.prisma');
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new AppError('conflict', {
      text: `The last migration has no copy of the data model it leads to: ${path} is missing.`,
      hint: 'restore it from version control',
      cause: error,
    });
  }
}

async function diff(engine: SchemaEngine, from: DiffTarget, to: DiffTarget): Promise<string> {
  const result = await engine.diff({
    from,
    to,
    script: true,
    exitCode: true,
    filters: NO_FILTERS,
  });
  // With `exitCode` the engine answers 0 for "no difference" and 2 for a script.
  return result.exitCode === 0 ? UNCHANGED : (result.stdout ?? UNCHANGED);
}

/** The engine asks one thing on start, which PostgreSQL it talks to; comparing data models asks nothing more. */
const OFFLINE: SqlMigrationAwareDriverAdapterFactory = {
  provider: 'postgres',
  adapterName: '@prisma/adapter-pg',
  connect: () =>
    Promise.resolve({
      provider: 'postgres',
      adapterName: '@prisma/adapter-pg',
      queryRaw: () =>
        Promise.resolve({
          columnNames: ['exists', 'version', 'numeric_version'],
          columnTypes: [ColumnTypeEnum.Boolean, ColumnTypeEnum.Text, ColumnTypeEnum.Int32],
          rows: [[true, 'PostgreSQL 15.0', 150_000]],
        }),
      executeRaw: refuse,
      executeScript: refuse,
      startTransaction: refuse,
      getConnectionInfo: () => ({ supportsRelationJoins: true }),
      dispose: () => Promise.resolve(),
    }),
  connectToShadowDb: refuse,
};

function refuse(): Promise<never> {
  return Promise.reject(new Error('comparing data models must not need a database'));
}
