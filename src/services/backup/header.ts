import { hkdfSync } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { ByteReader } from '../../lib/byte-reader.ts';
import type { MasterKey } from '../key/master-key.ts';

/** What a backup says of itself in clear: enough to find the right key and the right program. */
export interface BackupHeader {
  readonly instance_id: string;
  readonly created_at: string;
  /** The authctl that made it. */
  readonly version: string;
  /** What the schema was made of, oldest first. */
  readonly migrations: readonly { readonly name: string; readonly checksum: string }[];
  /** The master key that opens it, by its name. */
  readonly master_kid: string;
  /** Makes this backup's key; base64url. */
  readonly salt: string;
}

const FIRST_LINE = 'authctl backup 1';
const LONGEST_LINE = 65_536;
const KEY_BYTES = 32;

/** The first two lines of a backup. */
export function encodeHeader(header: BackupHeader): Buffer {
  return Buffer.from(`${FIRST_LINE}\n${JSON.stringify(header)}\n`);
}

/**
 * Reads the first two lines.
 * @returns the header, and its bytes as they are: what follows is bound to them
 * @throws AppError `validation_failed` where it is no backup that this program can read
 */
export async function readHeader(
  reader: ByteReader,
): Promise<{ header: BackupHeader; bytes: Buffer }> {
  const first = await reader.takeLine(LONGEST_LINE);
  if (first?.toString() !== FIRST_LINE) {
    throw new AppError('validation_failed', {
      text: 'This is not a backup that this version of authctl can read.',
      hint: `a backup begins with the line "${FIRST_LINE}"`,
    });
  }
  const second = await reader.takeLine(LONGEST_LINE);
  const header = parseHeader(second?.toString() ?? '');
  return { header, bytes: Buffer.concat([first, LINE_FEED, second!, LINE_FEED]) };
}

const LINE_FEED = Buffer.of(0x0a);

/**
 * A stranger may have written it, and some of it is shown before the key can tell: what is not spelled
 * as we spell it, such as a date that holds a terminal's control characters, gets no further.
 */
function parseHeader(line: string): BackupHeader {
  try {
    const header: unknown = JSON.parse(line);
    if (isHeader(header)) return header;
  } catch {
    // Not JSON: damaged like any other.
  }
  throw new AppError('validation_failed', {
    text: 'The backup is damaged: its header is unreadable.',
  });
}

const SPELLINGS = {
  instance_id: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/,
  created_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  version: /^\d[\w.+-]{0,63}$/,
  master_kid: /^[\da-f]{16}$/,
  salt: /^[\w-]{43}$/,
};
const MIGRATION_SPELLINGS = { name: /^\d{14}_[a-z\d_]+$/, checksum: /^[\da-f]{64}$/ };

function isHeader(value: unknown): value is BackupHeader {
  if (!isSpelled(value, SPELLINGS)) return false;
  const migrations: unknown = Reflect.get(value, 'migrations');
  return (
    Array.isArray(migrations) &&
    migrations.length > 0 &&
    migrations.every((migration) => isSpelled(migration, MIGRATION_SPELLINGS))
  );
}

function isSpelled(value: unknown, spellings: Readonly<Record<string, RegExp>>): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(spellings).every(([name, spelling]) => {
    const text: unknown = Reflect.get(value, name);
    return typeof text === 'string' && spelling.test(text);
  });
}

/**
 * The key of one backup: HKDF-SHA-256 (RFC 5869) of the master key under the backup's own salt.
 * Whoever has no master key can neither read a backup nor alter one.
 */
export function backupKey(master: MasterKey, header: Pick<BackupHeader, 'salt'>): Buffer {
  const salt = Buffer.from(header.salt, 'base64url');
  return Buffer.from(hkdfSync('sha256', master.secret, salt, 'authctl/backup/v1', KEY_BYTES));
}
