import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Args } from '@oclif/core';
import { programVersion } from '../src/app/version.ts';
import { CoreCommand, requireInstallation } from '../src/cli/core-command.ts';
import { alreadyThere, createOutputFile, unwritable } from '../src/cli/output-file.ts';
import { startProgress } from '../src/cli/progress.ts';
import { AppError } from '../src/errors.ts';
import { counted } from '../src/lib/counted.ts';
import type { UnfinishedFile } from '../src/lib/private-files.ts';
import { recordAudit } from '../src/services/audit/record.ts';
import { makeBackup } from '../src/services/backup/make-backup.ts';
import { BACKUP_TABLES } from '../src/services/backup/tables.ts';

const WHAT = 'The backup';

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
    // Of a new, empty one, made in a folder that is the wrong one, it would look like any other.
    requireInstallation(this.settings);
    return this.withCore(async (core, { scope }) => {
      const sink = path === null ? standardOutput() : await createOutputFile(path, WHAT);
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
        this.log(
          `Backed up ${counted(rows['users']!, 'user')} to ${path}; master key ${master_kid} opens it.`,
        );
      return { file: path, bytes, instance_id, created_at, master_kid, rows };
    });
  }
}

/** Half a backup is a failure, also where its reader has seen enough. */
function standardOutput(): UnfinishedFile {
  // Each write reports its own failure.
  process.stdout.removeAllListeners('error').on('error', () => {});
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        process.stdout.write(bytes, (error) =>
          error ? reject(unwritable('standard output', WHAT, error)) : resolve(),
        );
      }),
    keep: async () => {},
    discard: async () => {},
  };
}
