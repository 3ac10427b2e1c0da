import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeLines } from '../../src/cli/write-lines.ts';
import { writeOut } from '../../src/cli/write-out.ts';
import { createScope } from '../../src/lib/lifecycle.ts';

const LONG = 'x'.repeat(100_000);

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authctl-out-'));
  file = join(folder, 'out.ndjson');
});
afterEach(() => rm(folder, { recursive: true }));

test('a file is private, and has its name only when it is whole', async () => {
  async function* texts() {
    yield LONG;
    expect(await readdir(folder)).not.toContain('out.ndjson');
    yield 'end';
  }
  const scope = createScope();
  await writeOut(texts(), file, scope, 'The export');
  await scope.release();
  expect(await readFile(file, 'utf8')).toBe(`${LONG}end`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['out.ndjson']);
  await expect(writeOut(texts(), file, scope, 'The export')).rejects.toMatchObject({
    code: 'usage',
  });
});

test('a file that is there is noticed before the work', async () => {
  await writeFile(file, 'kept');
  let isBegun = false;
  async function* texts() {
    isBegun = true;
    yield 'a';
  }
  await expect(writeOut(texts(), file, createScope(), 'The export')).rejects.toMatchObject({
    code: 'usage',
  });
  expect(isBegun).toBe(false);
  expect(await readFile(file, 'utf8')).toBe('kept');
});

test('a value is one line to whoever splits by Unicode, and tells no terminal what to do', async () => {
  const value = { text: 'a\n\u007f\u0085\u009b31m\u2028\u2029é' };
  async function* values() {
    yield value;
  }
  const scope = createScope();
  expect(await writeLines(values(), file, scope, 'The export')).toBe(1);
  await scope.release();
  const text = await readFile(file, 'utf8');
  expect(text).toBe('{"text":"a\\n\\u007f\\u0085\\u009b31m\\u2028\\u2029é"}\n');
  expect(JSON.parse(text)).toEqual(value);
});

test('what stops half way leaves nothing behind', async () => {
  async function* texts() {
    yield LONG;
    yield LONG;
    throw new Error('the database is gone');
  }
  const scope = createScope();
  const writing = writeOut(texts(), file, scope, 'The export');
  await expect(writing).rejects.toThrow('the database is gone');
  await scope.release();
  expect(await readdir(folder)).toEqual([]);
});

test('a place that cannot be written is told as that', async () => {
  async function* texts() {
    yield 'a';
  }
  const nowhere = join(folder, 'nowhere/out.ndjson');
  await expect(writeOut(texts(), nowhere, createScope(), 'The export')).rejects.toMatchObject({
    code: 'forbidden',
    // Without the call and the unfinished file's name, which nobody chose.
    message: `The export cannot be written to ${nowhere}: ENOENT: no such file or directory`,
  });
});
