import { expect, test } from 'vitest';
import { createByteReader } from '../../../src/lib/byte-reader.ts';
import {
  endRecord,
  readRecords,
  rowsRecords,
  tableRecord,
} from '../../../src/services/backup/records.ts';

const HEAD_BYTES = 5;
const LARGEST_BODY = 1_048_576;

/** Reads records as a restore does; the size of each table's rows, and what the end says. */
async function read(...parts: Buffer[]) {
  async function* source() {
    yield* parts;
  }
  const sizes: Record<string, number> = {};
  const { rows } = await readRecords(createByteReader(source()), async (record) => {
    let size = 0;
    for await (const body of record.rows) size += body.length;
    sizes[record.table] = size;
  });
  return { sizes, rows };
}

const END = endRecord({ rows: { users: 2 } });
const USERS = tableRecord('users', ['id']);

test('what was written is read, however long a table is', async () => {
  const long = Buffer.alloc(2 * LARGEST_BODY + 1, 'x');
  const parts = [USERS, ...rowsRecords(long), tableRecord('keys', ['kid']), END];
  expect(await read(Buffer.concat(parts))).toEqual({
    sizes: { users: long.length, keys: 0 },
    rows: { users: 2 },
  });
});

test.each([
  ['nothing', []],
  ['no end', [USERS, ...rowsRecords(Buffer.from('1\n'))]],
  ['something after the end', [USERS, END, Buffer.of(0)]],
  ['rows of no table', [...rowsRecords(Buffer.from('1\n')), END]],
  ['half a head', [USERS, END.subarray(0, HEAD_BYTES - 1)]],
  ['half a body', [USERS, END.subarray(0, -1)]],
  ['a body that is longer than any', [USERS, longer(LARGEST_BODY + 1), END]],
])('%s is damage', async (_, parts) => {
  await expect(read(...parts)).rejects.toMatchObject({ code: 'validation_failed' });
});

/** A record of rows that is longer than they are written. */
function longer(bytes: number): Buffer {
  const [record] = rowsRecords(Buffer.of(0));
  const head = Buffer.from(record!.subarray(0, HEAD_BYTES));
  head.writeUInt32BE(bytes, 1);
  return Buffer.concat([head, Buffer.alloc(bytes)]);
}
