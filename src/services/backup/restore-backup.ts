import { type CopySession, withCopySession } from '../../db/copy-session.ts';
import { statement } from '../../db/database.ts';
import { compareHistory, readHistory } from '../../db/migrate/history.ts';
import type { Migrator } from '../../db/migrate/index.ts';
import type { Migration } from '../../db/migrate/read-migrations.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Actor } from '../audit/actor.ts';
import { recordAudit } from '../audit/record.ts';
import { checkMasterKey } from '../key/master-key.ts';
import { keyStore } from '../key/store.ts';
import type { BackupHeader } from './header.ts';
import { type OpenedBackup, type Rows, skip } from './open-backup.ts';
import { damaged } from './records.ts';
import { BACKUP_TABLES } from './tables.ts';

export interface RestoreDeps {
  readonly connectionString: string;
  readonly migrator: Migrator;
  /** The migrations this program knows. */
  readonly known: readonly Migration[];
  readonly clock: Clock;
}

export interface RestoreOptions {
  readonly actor: Actor;
  /** Bring back what was under way too: for an installation that moves, not for one that was lost. */
  readonly keepSessions: boolean;
}

/**
 * Restores into a database that holds no installation: the schema of the backup's time, all rows in
 * one transaction that commits when the backup has proved whole, then the migrations since.
 * @returns how many rows each table was given
 * @throws AppError `conflict` where there is an installation, `schema_mismatch` where the backup is of
 *   a newer program, `validation_failed` where it is damaged, `key_mismatch`; nothing is restored then
 */
export async function restoreBackup(
  deps: RestoreDeps,
  backup: OpenedBackup,
  options: RestoreOptions,
): Promise<Rows> {
  await prepareSchema(deps, backup.header);
  const restored = await withCopySession(deps.connectionString, 'write', async (session) => {
    await refuseOtherSchema(session, backup.header);
    await refuseInstallation(session);
    const rows = await copyTables(session, backup, options.keepSessions);
    await checkKeys(session, backup);
    await session.execute(CONTINUE_SEQUENCE);
    await recordAudit(session, {
      at: deps.clock.now(),
      action: 'backup.restored',
      actor: options.actor,
      detail: { made_at: backup.header.created_at, sessions_kept: options.keepSessions },
    });
    return rows;
  });
  await deps.migrator.apply();
  return restored;
}

// Whoever takes events has seen more of them than a backup knows, and goes by their numbers: those of
// a restored installation begin where nobody has been.
const CONTINUE_SEQUENCE = statement(
  'restore.sequence',
  `SELECT setval(pg_get_serial_sequence('events', 'sequence'),
                 (SELECT COALESCE(max(sequence), 0) + 1000000000 FROM events))`,
);

/** Rows fit the schema they were in: the database gets that one, and moves on with them. */
async function prepareSchema(
  { migrator, known }: RestoreDeps,
  { migrations, version }: BackupHeader,
): Promise<void> {
  const isKnown = migrations.every(
    ({ name, checksum }, index) =>
      known[index]?.name === name && known[index].checksum === checksum,
  );
  if (!isKnown) {
    throw new AppError('schema_mismatch', {
      text: `The backup has a schema that this program does not know; authctl ${version} made it.`,
      hint: 'restore it with that version or a newer one',
    });
  }
  const { state } = await migrator.status();
  if (state === 'empty') await migrator.apply(migrations.at(-1)?.name);
}

/** Asked when nobody else can migrate any more: a process that starts here may have done so just now. */
async function refuseOtherSchema(
  session: CopySession,
  { migrations }: BackupHeader,
): Promise<void> {
  if (compareHistory(await readHistory(session), migrations).state === 'current') return;
  throw new AppError('schema_mismatch', {
    text: 'The database has another schema than the backup.',
    hint: 'restore into an empty database',
  });
}

async function refuseInstallation(session: CopySession): Promise<void> {
  // A process that starts here meanwhile waits, and finds the restored installation; so does a second restore.
  await session.execute(statement('', 'LOCK TABLE instance IN ACCESS EXCLUSIVE MODE'));
  for (const { name } of BACKUP_TABLES) {
    const rows = await session.query(statement('', `SELECT FROM ${name} LIMIT 1`));
    if (rows.length === 0) continue;
    throw new AppError('conflict', {
      text: 'There is an installation in this database already. Nothing was changed.',
      hint: 'restore into a new data folder (--data-dir) or an empty database (AUTHCTL_DATABASE_URL, --database-url-file)',
    });
  }
}

async function copyTables(
  session: CopySession,
  backup: OpenedBackup,
  keepSessions: boolean,
): Promise<Rows> {
  const copied: Record<string, number> = {};
  const promised = await backup.read(async (record) => {
    const { table, columns, rows } = record;
    const known = BACKUP_TABLES.find(({ name }) => name === table);
    if (!known) throw damaged();
    if (known.isPassing && !keepSessions) return skip(record);
    copied[table] = await session.copyIn(table, columns, rows);
  });
  const isWhole = Object.entries(copied).every(([table, count]) => promised[table] === count);
  if (!isWhole) throw damaged();
  return copied;
}

/** Every key must open, those too that a rotation had already moved to the next master key. */
async function checkKeys(session: CopySession, { masters }: OpenedBackup): Promise<void> {
  const instance = await keyStore.findInstance(session);
  if (!instance) throw damaged();
  checkMasterKey(masters, instance);
  const sealers = await session.query<{ kid: string }>(
    statement('', "SELECT DISTINCT master_kid AS kid FROM keys WHERE status <> 'retired'"),
  );
  const missing = sealers.find(({ kid }) => !masters.some((master) => master.kid === kid));
  if (!missing) return;
  throw new AppError('key_mismatch', {
    text: `The backup was made while the master key rotated: some keys need the master key ${missing.kid} too.`,
    hint: 'set AUTHCTL_MASTER_KEY_NEXT (or …_FILE) to it',
  });
}
