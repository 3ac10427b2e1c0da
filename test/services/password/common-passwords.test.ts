import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/lib/package-root.ts';
import { createCommonPasswords } from '../../../src/services/password/common-passwords.ts';
import { fold } from '../../../src/services/password/fold.ts';

const common = createCommonPasswords();
const entries = readFileSync(join(packageRoot(), 'assets/common-passwords.txt'), 'utf8')
  .trimEnd()
  .split('\n');

test.each([8, 12, 15])(
  'a minimum of %i: the first 3,000 entries it lets through are refused',
  async (minimum) => {
    const allowed = entries.filter((entry) => [...entry].length >= minimum);
    expect(allowed.length).toBeGreaterThanOrEqual(2_900);
    for (const entry of allowed.slice(0, 3_000)) expect(await common.has(entry)).toBe(true);
  },
);

test('the list is folded, without repetition, and holds nothing shorter than any minimum', () => {
  expect(entries.length).toBeGreaterThan(17_000);
  expect(new Set(entries).size).toBe(entries.length);
  expect(entries.filter((entry) => fold(entry) !== entry || [...entry].length < 8)).toEqual([]);
});

test.each([
  'PASSWORD',
  'PassWord1',
  'ｐａｓｓｗｏｒｄ',
  'p@ssw0rd',
  'P@$$w0rd!',
  'Password123!',
  'Sunshine2026!',
  '1sunshine',
  '!!Baseball!!',
  'qwerty123!',
  '12345678',
])('%s is a common password in another spelling', async (password) => {
  expect(await common.has(password)).toBe(true);
});

test.each([
  'correct horse battery staple',
  'sunshine over the fjord',
  'sunshine-83019274', // as much beside the word as a password needs
  'xK3-vq0Lm9',
])('%s is not', async (password) => {
  expect(await common.has(password)).toBe(false);
});
