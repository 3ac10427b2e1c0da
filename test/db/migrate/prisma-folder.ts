import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { PRISMA_DIR } from './migrator.ts';

/** Makes a folder like `prisma/` with these migrations (name → SQL up, SQL down), for one test. */
export async function makePrismaFolder(
  migrations: Record<string, readonly [up: string, down: string]>,
): Promise<string> {
  const folder = await makeFolder();
  await mkdir(join(folder, 'migrations'));
  for (const [name, sql] of Object.entries(migrations)) await addMigration(folder, name, sql);
  return folder;
}

/** Copies the product's `prisma/`, for one test. */
export async function copyPrismaFolder(): Promise<string> {
  const folder = await makeFolder();
  await cp(PRISMA_DIR, folder, { recursive: true });
  return folder;
}

/** Adds a migration, or replaces its text. */
export async function addMigration(
  prismaDir: string,
  name: string,
  [up, down]: readonly [string, string],
): Promise<void> {
  const folder = join(prismaDir, 'migrations', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'migration.sql'), up);
  await writeFile(join(folder, 'down.sql'), down);
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'authctl-prisma-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
