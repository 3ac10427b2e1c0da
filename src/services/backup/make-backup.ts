import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { randomBytes } from '../../crypto/random.ts';
import { sealStream } from '../../crypto/sealed-stream.ts';
import { type CopySession, withCopySession } from '../../db/copy-session.ts';
import { statement } from '../../db/database.ts';
import { checkSchema } from '../../db/migrate/check-schema.ts';
import type { Migration } from '../../db/migrate/read-migrations.ts';
import type { Clock } from '../../lib/clock.ts';
import { checkMasterKey, type MasterKey } from '../key/master-key.ts';
import { keyStore } from '../key/store.ts';
import { type BackupHeader, backupKey, encodeHeader } from './header.ts';
import { endRecord, rowsRecords, tableRecord } from './records.ts';
import { BACKUP_TABLES } from './tables.ts';

export interface MakeBackupDeps {
  readonly connectionString: string;
  readonly clock: Clock;
  readonly masters: readonly MasterKey[];
  /** The migrations this program knows: the schema that the database must have. */
  readonly migrations: readonly Migration[];
  /** This program's. */
  readonly version: string;
}

export interface MadeBackup {
  readonly header: BackupHeader;
  readonly rows: Readonly<Record<string, number>>;
}

const COLUMNS = statement(
  'backup.columns',
  `SELECT attname AS name FROM pg_attribute
   WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
   ORDER BY attnum`,
);

/**
 * Writes one state of the installation, whatever happens to it meanwhile, compressed and encrypted
 * under the master key, in constant memory.
 * @param write takes the next bytes; the backup is whole when the last of them were taken
 * @param onTable called before each table
 * @throws AppError `dependency_unreachable`, `unavailable` and `schema_mismatch` while it is or after
 *   it was migrated; what `write` throws, which must be an AppError to be told from the database's
 */
export function makeBackup(
  deps: MakeBackupDeps,
  write: (bytes: Buffer) => Promise<void>,
  onTable: (name: string) => void = () => {},
): Promise<MadeBackup> {
  return withCopySession(deps.connectionString, 'snapshot', async (session) => {
    await checkSchema(session, deps.migrations);
    const instance = await keyStore.findInstance(session);
    const master = checkMasterKey(deps.masters, instance!);
    const header: BackupHeader = {
      instance_id: instance!.instance_id,
      created_at: deps.clock.now().toISOString(),
      version: deps.version,
      migrations: deps.migrations.map(({ name, checksum }) => ({ name, checksum })),
      master_kid: master.kid,
      salt: randomBytes(32).toString('base64url'),
    };
    const headerBytes = encodeHeader(header);
    const key = backupKey(master, header);
    const rows: Record<string, number> = {};
    await write(headerBytes);
    await pipeline(
      () => readTables(session, rows, onTable),
      // Digests and sealed values do not shrink but as hexadecimal: more effort gains nothing.
      createGzip({ level: 1 }),
      (zipped: AsyncIterable<Buffer>) => sealStream(key, headerBytes, zipped),
      async (sealed: AsyncIterable<Buffer>) => {
        for await (const piece of sealed) await write(piece);
      },
    );
    return { header, rows };
  });
}

async function* readTables(
  session: CopySession,
  rows: Record<string, number>,
  onTable: (name: string) => void,
): AsyncGenerator<Buffer> {
  for (const { name } of BACKUP_TABLES) {
    onTable(name);
    const found = await session.query<{ name: string }>(COLUMNS, [name]);
    const columns = found.map((column) => column.name);
    yield tableRecord(name, columns);
    const copy = session.copyOut(name, columns);
    for await (const part of copy) yield* rowsRecords(part);
    rows[name] = copy.rowCount;
  }
  yield endRecord({ rows });
}
