import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { emlName, removeOldEml } from '../../../../src/services/mail/transport/eml-files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp('/tmp/authctl-eml-files-');
});
afterEach(() => rm(dir, { recursive: true }));

const BOUND = new Date('2026-11-22T06:34:00Z');
const ID = '019ab3c4-0000-7000-8000-000000000001';
const nameAt = (time: string) => emlName({ date: new Date(time), kind: 'welcome', id: ID });
const put = (names: string[]) => Promise.all(names.map((name) => writeFile(join(dir, name), '')));

test('mails from before a time go, the oldest first, no more than asked for', async () => {
  const old = ['2025-12-31T23:59:59Z', '2026-11-21T00:00:00Z', '2026-11-22T06:33:59Z'].map(nameAt);
  const young = ['2026-11-22T06:34:00Z', '2026-11-22T07:00:00Z', '2027-01-01T00:00:00Z'].map(
    nameAt,
  );
  await put([...old, ...young]);
  expect(await removeOldEml(dir, BOUND, 2)).toBe(2);
  expect((await readdir(dir)).toSorted()).toEqual([old[2], ...young]);
  expect(await removeOldEml(dir, BOUND, 2)).toBe(1);
  expect(await removeOldEml(dir, BOUND, 2)).toBe(0);
  expect((await readdir(dir)).toSorted()).toEqual(young);
});

test('nothing of another name is touched', async () => {
  const others = ['20200101T000000Z.eml', `2020-${ID}.eml`, `${nameAt('2020-01-01')}.bak`, 'notes'];
  await put(others);
  expect(await removeOldEml(dir, BOUND, 100)).toBe(0);
  expect((await readdir(dir)).toSorted()).toEqual(others.toSorted());
});

test('two that remove at once count each mail once, and no folder is no error', async () => {
  await put(
    Array.from({ length: 50 }, (_, second) => nameAt(new Date(second * 1_000).toISOString())),
  );
  const removed = await Promise.all([1, 2, 3].map(() => removeOldEml(dir, BOUND, 100)));
  expect(removed.reduce((sum, one) => sum + one)).toBe(50);
  expect(await removeOldEml(join(dir, 'absent'), BOUND, 100)).toBe(0);
});
