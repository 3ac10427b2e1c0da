import { readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import {
  createPrivateFile,
  ensurePrivateFolder,
  readIfExists,
  syncFolder,
  writePrivateFile,
} from '../../src/lib/private-files.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authctl-private-files-'));
});
afterEach(() => rm(folder, { recursive: true }));

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test('a private folder is made with its parents, or closed while it is empty', async () => {
  const path = join(folder, 'a/b');
  await ensurePrivateFolder(path);
  expect(modeOf(path)).toBe('700');
  expect(modeOf(join(folder, 'a'))).toBe('700');

  await chmod(path, 0o755);
  await ensurePrivateFolder(path);
  expect(modeOf(path)).toBe('700');
});

test('a folder that cannot be made is refused with the reason', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(ensurePrivateFolder(join(folder, 'file/a'))).rejects.toMatchObject({
    code: 'config_invalid',
    message: `The folder ${join(folder, 'file/a')} cannot be used (ENOTDIR).`,
  });
});

test('what cannot be put in its place leaves nothing beside it', async () => {
  const path = join(folder, 'taken');
  await mkdir(path);
  await expect(writePrivateFile(path, 'x')).rejects.toMatchObject({ code: 'EISDIR' });
  expect(readdirSync(folder)).toEqual(['taken']);
});

test('an open folder with files in it is refused and left as it is', async () => {
  const path = join(folder, 'open');
  await mkdir(path);
  await chmod(path, 0o755);
  await writeFile(join(path, 'file'), '');
  await expect(ensurePrivateFolder(path)).rejects.toMatchObject({ code: 'config_invalid' });
  expect(modeOf(path)).toBe('755');
});

test('a file in the folder’s place is refused', async () => {
  await writeFile(join(folder, 'file'), '');
  await expect(ensurePrivateFolder(join(folder, 'file'))).rejects.toMatchObject({
    code: 'config_invalid',
  });
});

test('a private file is 0600, replaced as a whole, and leaves nothing beside it', async () => {
  const path = join(folder, 'secret');
  await writePrivateFile(path, 'first, and longer');
  await writePrivateFile(path, 'second');
  expect(readFileSync(path, 'utf8')).toBe('second');
  expect(modeOf(path)).toBe('600');
  expect(readdirSync(folder)).toEqual(['secret']);
});

test('a file that is not there reads as undefined; one that cannot be read throws', async () => {
  expect(await readIfExists(join(folder, 'none'))).toBeUndefined();
  await expect(readIfExists(folder)).rejects.toMatchObject({ code: 'EISDIR' });
});

test('a new private file has its name when it is complete, and leaves nothing beside it', async () => {
  const path = join(folder, 'new');
  const file = await createPrivateFile(path);
  await file.write(Buffer.from('one, '));
  await file.write(Buffer.from('two'));
  expect(readdirSync(folder)).not.toContain('new');
  await file.keep();
  await file.discard();
  expect(readFileSync(path, 'utf8')).toBe('one, two');
  expect(modeOf(path)).toBe('600');
  expect(readdirSync(folder)).toEqual(['new']);
});

test('of many new files of one name one is kept, and no other file is replaced', async () => {
  const path = join(folder, 'new');
  const files = await Promise.all(Array.from({ length: 20 }, () => createPrivateFile(path)));
  await Promise.all(files.map((file, index) => file.write(Buffer.from(`content ${index}`))));
  const kept = await Promise.allSettled(files.map((file) => file.keep()));
  await Promise.all(files.map((file) => file.discard()));
  const winners = kept.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));
  expect(winners).toHaveLength(1);
  expect(readFileSync(path, 'utf8')).toBe(`content ${winners[0]}`);
  for (const outcome of kept)
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'EEXIST' });
  expect(readdirSync(folder)).toEqual(['new']);
});

test('a folder of a file system without such a thing is as durable as it gets', async () => {
  await expect(syncFolder('/proc')).resolves.toBeUndefined();
});

/** What is made durable from here on, as it is then: the size of a file, the names in a folder. */
async function watchSyncs(): Promise<(number | string[])[]> {
  const any = await open(folder, 'r');
  const handles = Object.getPrototypeOf(any) as typeof any;
  await any.close();
  const synced: (number | string[])[] = [];
  const sync = vi.spyOn(handles, 'sync').mockImplementation(async function (this: typeof any) {
    const found = await this.stat();
    synced.push(found.isDirectory() ? readdirSync(folder).toSorted(inOrder) : found.size);
  });
  onTestFinished(() => sync.mockRestore());
  return synced;
}

const inOrder = (a: string, b: string) => (a < b ? -1 : 1);

test('a private file is on the disk before it has its name, and so is its name', async () => {
  const synced = await watchSyncs();
  await writePrivateFile(join(folder, 'secret'), 'content');
  expect(synced).toEqual(['content'.length, ['secret']]);
});

test('so is a new private file', async () => {
  const file = await createPrivateFile(join(folder, 'new'));
  await file.write(Buffer.from('content'));
  const synced = await watchSyncs();
  await file.keep();
  expect(synced[0]).toBe('content'.length);
  expect(synced[1]).toContain('new');
});
