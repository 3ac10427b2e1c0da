import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { Logger } from '../../lib/logger.ts';
import type { Migration } from './read-migrations.ts';

export type SchemaEngine = bindings.SchemaEngine;

/** Nothing in the database is managed by somebody else. */
export const NO_FILTERS: bindings.SchemaFilter = { externalTables: [], externalEnums: [] };

// Node has it; TypeScript declares it only together with the whole browser.
declare const WebAssembly: {
  instantiate(
    code: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

let loaded: Promise<void> | undefined;

/**
 * Starts Prisma's schema engine, the same program as `prisma migrate`, compiled to WebAssembly: no
 * download, no child process. Loading costs about 50 ms and 5 MB, so callers import this file only
 * when there is work. The engine is freed when `work` ends.
 */
export async function withEngine<T>(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  log: Logger,
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  loaded ??= loadWebAssembly();
  await loaded;
  const engine = await bindings.SchemaEngine.new(
    { datamodels: undefined },
    (line: string) => log.trace({ engine: line.trim() }, 'schema engine'),
    bindMigrationAwareSqlAdapterFactory(adapter),
  );
  try {
    return await work(engine);
  } finally {
    engine.free();
  }
}

/** The migrations in the form the engine takes them. */
export function toMigrationList(migrations: readonly Migration[]): bindings.MigrationList {
  return {
    baseDir: 'prisma/migrations',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  };
}

/** The package imports its `.wasm` as a module, experimental in Node 24: instantiate it by hand. */
async function loadWebAssembly(): Promise<void> {
  // Where the engine reports its own bugs; without it they read "cannot read properties of undefined".
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message: throwPanic } });
  const main = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const code = await readFile(join(dirname(main), 'schema_engine_bg.wasm'));
  const imports = Object.entries(bindings).map(([name, binding]) => [
    name,
    name.startsWith('__wbg_setTimeout_') ? startTimer : binding,
  ]);
  const { instance } = await WebAssembly.instantiate(code, {
    './schema_engine_bg.js': Object.fromEntries(imports),
  });
  bindings.__wbg_set_wasm(instance.exports);
  // The package declares this export in a file that it does not let us import.
  const start = instance.exports['__wbindgen_start'] as () => void;
  start();
}

/**
 * The engine gives itself 10 s to take the migration lock, and leaves the timer running when it has
 * it: that must not hold up the end of a process.
 */
function startTimer(callback: () => void, ms: number): NodeJS.Timeout {
  return setTimeout(callback, ms).unref();
}

function throwPanic(message: string): never {
  throw new Error(`Prisma's schema engine failed: ${message}`);
}
