import { existsSync, readlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { checkLoader, findBinaries, linkLibraries } from '../../../src/db/embedded/binaries.ts';
import { cleanUp, makeFolder } from './members.ts';

afterEach(cleanUp);

test('the programs of this platform are found', async () => {
  const { initdb, postgres, majorVersion } = await findBinaries();
  expect(existsSync(initdb) && existsSync(postgres)).toBe(true);
  expect(majorVersion).toMatch(/^\d+$/);
});

test('libraries get their short names where the install script did not run', async () => {
  const root = await packageWith({
    source: 'native/lib/libx.so.1.2',
    target: 'native/lib/libx.so.1',
  });
  await writeFile(join(root, 'native/lib/libx.so.1.2'), '');
  await Promise.all([linkLibraries(root, 'x'), linkLibraries(root, 'x')]);
  expect(readlinkSync(join(root, 'native/lib/libx.so.1'))).toBe('libx.so.1.2');
});

test('a library that cannot get its name is reported with what to type', async () => {
  const root = await packageWith({
    source: 'native/lib/libx.so.1.2',
    target: 'native/none/libx.so.1',
  });
  await expect(linkLibraries(root, 'the-package')).rejects.toMatchObject({
    code: 'config_invalid',
    hint: expect.stringContaining('npm rebuild the-package'),
  });
});

async function packageWith(link: { source: string; target: string }): Promise<string> {
  const root = await makeFolder();
  await mkdir(join(root, 'native/lib'), { recursive: true });
  await writeFile(join(root, 'native/pg-symlinks.json'), JSON.stringify([link]));
  return root;
}

test('a system without glibc is told what it lacks', async () => {
  await expect(checkLoader('/lib/ld-none.so.2')).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('glibc (/lib/ld-none.so.2)'),
  });
});
