import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { openStream } from '../../crypto/sealed-stream.ts';
import { AppError } from '../../errors.ts';
import { createByteReader } from '../../lib/byte-reader.ts';
import type { MasterKey } from '../key/master-key.ts';
import { type BackupHeader, backupKey, readHeader } from './header.ts';
import { damaged, readRecords, type TableRecord } from './records.ts';

/** A backup whose header is genuine; the rest is read once. */
export interface OpenedBackup {
  readonly header: BackupHeader;
  readonly masters: readonly MasterKey[];
  /** The tables, decrypted. */
  read(onTable: (table: TableRecord) => Promise<void>): Promise<Rows>;
}

export type Rows = Readonly<Record<string, number>>;

/**
 * Reads the header of a backup and finds the key that opens the rest. The first piece is opened too:
 * it proves the header, and nothing is made or changed on a stranger's word.
 * @throws AppError `validation_failed` where it is no backup of ours, `key_mismatch` where no key at
 *   hand fits
 */
export async function openBackup(
  source: AsyncIterable<Uint8Array>,
  masters: readonly MasterKey[],
): Promise<OpenedBackup> {
  const reader = createByteReader(source);
  const { header, bytes } = await readHeader(reader);
  const master = masters.find(({ kid }) => kid === header.master_kid);
  if (!master) {
    throw new AppError('key_mismatch', {
      text: `The backup of ${header.created_at} was made under another master key (${header.master_kid}).`,
      hint: 'set AUTHCTL_MASTER_KEY (or AUTHCTL_MASTER_KEY_FILE) to the key of that time',
    });
  }
  const pieces = genuine(openStream(backupKey(master, header), bytes, reader.rest()));
  const first = await pieces.next();
  async function* all() {
    if (!first.done) yield first.value;
    yield* pieces;
  }
  return { header, masters, read: (onTable) => readTables(all(), onTable) };
}

async function readTables(
  pieces: AsyncIterable<Buffer>,
  onTable: (table: TableRecord) => Promise<void>,
): Promise<Rows> {
  let rows: Rows = {};
  await pipeline(pieces, createGunzip(), async (plain: AsyncIterable<Buffer>) => {
    ({ rows } = await readRecords(createByteReader(plain), onTable));
  });
  return rows;
}

async function* genuine(opened: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* opened;
  } catch (cause) {
    throw damaged(cause);
  }
}

/** Reads a backup to its end and writes nothing. @throws AppError `validation_failed` */
export async function checkBackup(backup: OpenedBackup): Promise<Rows> {
  return backup.read(skip);
}

/** Reads a table and does nothing with it. */
export async function skip({ rows }: TableRecord): Promise<void> {
  for await (const _ of rows);
}
