import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Args } from '@oclif/core';
import { programVersion } from '../src/app/version.ts';
import { CoreCommand } from '../src/cli/core-command.ts';
import { startProgress } from '../src/cli/progress.ts';
import { AppError } from '../src/errors.ts';
import { errorCode } from '../src/lib/error-code.ts';
import { createPrivateFile, type UnfinishedFile } from '../src/lib/private-files.ts';
import { recordAudit } from '../src/services/audit/record.ts';
import { makeBackup } from '../src/services/backup/make-backup.ts';
import { BACKUP_TABLES } from '../src/services/backup/tables.ts';

interface Made {
  file: string | null;
  bytes: number | null;
  instance_id: string;
  created_at: string;
  /** The master key that opens it; keep it as long as the backup, and apart from it. */
  master_kid: string;
  rows: Readonly<Record<string, number>>;
}

export default class Backup extends CoreCommand<typeof Backup> {
  static override summary = 'Write a backup of the whole installation, while it runs.';
  static override description =
    'One moment of the database, compressed, encrypted and sealed under the master key: useless to a thief, and to you without that key, which is not in it. Keep the key apart from the backups, and the configuration with them. `authctl restore` reads it, on the embedded database or an external one.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> /backups/authctl-$(date +%F).backup',
    '<%= config.bin %> <%= command.id %> - | ssh vault "cat > authctl.backup"',
  ];
  static override args = {
    file: Args.string({
      description: 'The new file, readable to its owner alone; - writes standard output.',
      required: true,
    }),
  };

  async run(): Promise<Made> {
    const path = this.args.file === '-' ? null : this.args.file;
    if (path === null && this.jsonEnabled())
      throw new AppError('usage', {
        text: 'Standard output cannot hold both the backup and the summary.',
        hint: 'name a file, or leave --json out',
      });
    if (path === null && process.stdout.isTTY)
      throw new AppError('usage', {
        text: 'A backup is not for the screen.',
        hint: 'name a file, or send it on: authctl backup - | ssh …',
      });
    if (path !== null && existsSync(path)) throw alreadyThere(path);
    return this.withCore(async (core, { scope }) => {
      const sink = await openSink(path);
      scope.own('unfinished backup', sink, (unfinished) => unfinished.discard());
      const progress = startProgress('Backing up (tables)', BACKUP_TABLES.length);
      scope.own('progress', progress, (bar) => bar.stop());
      const at = core.clock.now();
      await recordAudit(core.db, { at, action: 'backup.made', actor: this.actor });

      let tables = 0;
      const deps = {
        connectionString: core.store.connectionString,
        clock: core.clock,
        masters: await core.masters.load(),
        migrations: core.store.known,
        version: programVersion(),
      };
      const { header, rows } = await makeBackup(deps, sink.write, () => progress.update(tables++));
      await sink.keep();
      const bytes = path === null ? null : (await stat(path)).size;
      const { instance_id, created_at, master_kid } = header;
      if (path !== null)
        this.log(`Backed up ${rows['users']} users to ${path}; master key ${master_kid} opens it.`);
      return { file: path, bytes, instance_id, created_at, master_kid, rows };
    });
  }
}

/** Where the backup goes. What fails there is said here, where it cannot be taken for the database's. */
async function openSink(path: string | null): Promise<UnfinishedFile> {
  const refuse = (cause: unknown) => Promise.reject(notWritable(path ?? 'standard output', cause));
  const file = path === null ? standardOutput() : await createPrivateFile(path).catch(refuse);
  return {
    write: (bytes) => file.write(bytes).catch(refuse),
    keep: () => file.keep().catch(refuse),
    discard: () => file.discard(),
  };
}

function standardOutput(): UnfinishedFile {
  // oclif's listener lets a reader go that has seen enough, and throws all else where nobody catches
  // it. Half a backup is a failure, and each write reports its own.
  process.stdout.removeAllListeners('error').on('error', () => {});
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    keep: async () => {},
    discard: async () => {},
  };
}

function notWritable(path: string, cause: unknown): AppError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (errorCode(cause) === 'EEXIST') return alreadyThere(path);
  return new AppError('forbidden', {
    text: `The backup cannot be written to ${path}: ${reason}`,
    hint: 'name a file in a folder that may be written and has room',
    cause,
  });
}

function alreadyThere(path: string): AppError {
  return new AppError('usage', {
    text: `The file ${path} exists already.`,
    hint: 'name a new one',
  });
}
