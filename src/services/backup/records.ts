import { AppError } from '../../errors.ts';
import type { ByteReader } from '../../lib/byte-reader.ts';

/**
 * The inside of a backup: for each table a record that names it and records of its rows, and one at
 * the end that says how many there were. A record is `kind(1) || length(4, big endian) || body`.
 */
const KINDS = { table: 0x54, rows: 0x44, end: 0x45 } as const;
const HEAD_BYTES = 5;
const LARGEST_BODY = 1_048_576;

/** A table as it was: the rows in PostgreSQL's text format, cut anywhere. */
export interface TableRecord {
  readonly table: string;
  readonly columns: readonly string[];
  /** Must be read to its end before the next table. */
  readonly rows: AsyncIterable<Buffer>;
}

export interface EndRecord {
  readonly rows: Readonly<Record<string, number>>;
}

export function tableRecord(table: string, columns: readonly string[]): Buffer {
  return record(KINDS.table, Buffer.from(JSON.stringify({ table, columns })));
}

export function* rowsRecords(rows: Buffer): Generator<Buffer> {
  for (let start = 0; start < rows.length; start += LARGEST_BODY)
    yield record(KINDS.rows, rows.subarray(start, start + LARGEST_BODY));
}

export function endRecord(end: EndRecord): Buffer {
  return record(KINDS.end, Buffer.from(JSON.stringify(end)));
}

function record(kind: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/**
 * Hands each table to `onTable`, in order.
 * @returns what the backup says of itself at its end
 * @throws AppError `validation_failed` where records are missing or out of order
 */
export async function readRecords(
  reader: ByteReader,
  onTable: (table: TableRecord) => Promise<void>,
): Promise<EndRecord> {
  let next = await readRecord(reader);
  while (next.kind === KINDS.table) {
    // Both ends are ours, and the seal has said that nobody was in between.
    const { table, columns } = JSON.parse(next.body.toString()) as TableRecord;
    await onTable({ table, columns, rows: rowsOfTable() });
  }
  if (next.kind !== KINDS.end || (await reader.take(1)).length > 0) throw damaged();
  return JSON.parse(next.body.toString()) as EndRecord;

  async function* rowsOfTable(): AsyncGenerator<Buffer> {
    next = await readRecord(reader);
    for (; next.kind === KINDS.rows; next = await readRecord(reader)) yield next.body;
  }
}

async function readRecord(reader: ByteReader): Promise<{ kind: number; body: Buffer }> {
  const head = await reader.take(HEAD_BYTES);
  if (head.length < HEAD_BYTES) throw damaged();
  const length = head.readUInt32BE(1);
  if (length > LARGEST_BODY) throw damaged();
  const body = await reader.take(length);
  if (body.length < length) throw damaged();
  return { kind: head.readUInt8(0), body };
}

/** A backup that ends early or is not what was written. */
export function damaged(cause?: unknown): AppError {
  return new AppError('validation_failed', {
    text: 'The backup is damaged: it is incomplete, or was changed since it was made.',
    hint: 'use another copy; nothing was restored from this one',
    cause,
  });
}
