import { expect, test } from 'vitest';
import { createByteReader } from '../../../src/lib/byte-reader.ts';
import {
  type BackupHeader,
  backupKey,
  encodeHeader,
  readHeader,
} from '../../../src/services/backup/header.ts';
import { parseMasterKey } from '../../../src/services/key/master-key.ts';
import { MASTER_KEY } from '../../support/appliance.ts';

const header: BackupHeader = {
  instance_id: '01980000-0000-7000-8000-000000000000',
  created_at: '2026-03-01T00:00:00.000Z',
  version: '1.2.3-rc.1',
  migrations: [{ name: '20260101000000_first', checksum: 'ab'.repeat(32) }],
  master_kid: '0123456789abcdef',
  salt: 'A'.repeat(43),
};

async function* once(bytes: Uint8Array) {
  yield bytes;
}

const read = (bytes: Uint8Array) => readHeader(createByteReader(once(bytes)));
const readObject = (value: unknown) =>
  read(Buffer.from(`authctl backup 1\n${JSON.stringify(value)}\n`));

test('a header reads as it was written, and its bytes are kept as they are', async () => {
  const bytes = encodeHeader(header);
  expect(await read(Buffer.concat([bytes, Buffer.from('sealed')]))).toEqual({ header, bytes });
});

test('a header that is not spelled as ours is refused before any of it is used or shown', async () => {
  const [migration] = header.migrations;
  const strange: unknown[] = [
    null,
    [],
    'text',
    { ...header, created_at: '\u001b]0;owned\u0007' },
    { ...header, created_at: '2026-03-01T00:00:00.000Z\n' },
    { ...header, master_kid: '\u001b[31m' },
    { ...header, version: '1\u202e' },
    { ...header, version: 1 },
    { ...header, salt: ['A'.repeat(43)] },
    { ...header, salt: '' },
    { ...header, migrations: [] },
    { ...header, migrations: { length: 1 } },
    { ...header, migrations: [null] },
    { ...header, migrations: [migration, { ...migration, name: '../x' }] },
  ];
  for (const value of strange)
    await expect(readObject(value), JSON.stringify(value)).rejects.toMatchObject({
      code: 'validation_failed',
    });
  const inherited = Buffer.from(`authctl backup 1\n{"__proto__":${JSON.stringify(header)}}\n`);
  await expect(read(inherited)).rejects.toMatchObject({ code: 'validation_failed' });
});

test('each backup has a key of its own, of the master key and its salt, today as ever', () => {
  const master = parseMasterKey(MASTER_KEY);
  const keyOf = (salt: string) => backupKey(master, { salt }).toString('hex');
  expect(keyOf(header.salt)).toBe(
    'e418ca5d0a3de852cb6bec1855aac5572769aac076059c4cd0231e5785c8602e',
  );
  expect(keyOf('B'.repeat(43))).not.toBe(keyOf(header.salt));
});
