import { Args, Flags } from '@oclif/core';
import { createMasterKeys } from '../src/app/master-keys.ts';
import { openStore } from '../src/app/open-store.ts';
import { BaseCommand, type CommandContext } from '../src/cli/base-command.ts';
import { findInput } from '../src/cli/find-input.ts';
import { startProgress } from '../src/cli/progress.ts';
import { systemClock } from '../src/lib/clock.ts';
import { counted } from '../src/lib/counted.ts';
import { osUser } from '../src/lib/os-user.ts';
import { cliActor } from '../src/services/audit/actor.ts';
import { checkBackup, type OpenedBackup, openBackup } from '../src/services/backup/open-backup.ts';
import { restoreBackup } from '../src/services/backup/restore-backup.ts';

interface Restored {
  instance_id: string;
  /** When the backup was made. */
  created_at: string;
  dry_run: boolean;
  sessions_kept: boolean;
  rows: Readonly<Record<string, number>>;
}

export default class Restore extends BaseCommand<typeof Restore> {
  static override summary = 'Restore a backup into an empty database.';
  static override description =
    'Needs the master key of the backup: in AUTHCTL_MASTER_KEY, or as master.key (mode 0600) in the data folder. All or nothing; a database that holds an installation is refused. Sessions, mailed codes and waiting mails stay behind, because those of the backup may have ended since: everybody signs in again. To move an installation that you have stopped, add --keep-sessions. docs/operations.md says what to look after.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> authctl.backup --dry-run',
    '<%= config.bin %> <%= command.id %> authctl.backup --data-dir /var/lib/authctl',
    'ssh vault cat authctl.backup | <%= config.bin %> <%= command.id %> - --json',
  ];
  static override args = {
    file: Args.string({ description: 'The backup; - reads standard input.', required: true }),
  };
  static override flags = {
    'dry-run': Flags.boolean({
      summary:
        'Read it to its end, to see that it is whole and that the key fits; needs no database.',
      default: false,
    }),
    'keep-sessions': Flags.boolean({
      summary: 'Bring back sessions, codes and waiting mails too.',
      default: false,
    }),
  };

  async run(): Promise<Restored> {
    const input = await findInput(this.args.file);
    return this.withScope(async (context) => {
      const { settings, scope } = context;
      const progress = startProgress('Reading (KiB)', Math.ceil(input.bytes / 1_024));
      scope.own('progress', progress, (bar) => bar.stop());
      // Before the database is opened, which makes an embedded one where there is none.
      const masters = await createMasterKeys(settings).load();
      const backup = await openBackup(
        watched(input.open(), (bytes) => progress.update(Math.ceil(bytes / 1_024))),
        masters,
      );
      const isDryRun = this.flags['dry-run'];
      const rows = isDryRun ? await checkBackup(backup) : await this.#restore(context, backup);
      const { instance_id, created_at } = backup.header;
      const users = counted(rows['users']!, 'user');
      this.log(
        isDryRun
          ? `The backup of ${created_at} is whole and opens: ${users}.`
          : `Restored ${users} as of ${created_at}. Now: authctl serve`,
      );
      if (!isDryRun)
        this.log(
          'What was revoked since is not revoked any more: see `authctl keys list`, `authctl operators list`.',
        );
      return {
        instance_id,
        created_at,
        dry_run: isDryRun,
        sessions_kept: this.flags['keep-sessions'],
        rows,
      };
    });
  }

  async #restore(context: CommandContext, backup: OpenedBackup) {
    const { settings: config, scope, log } = context;
    const store = await openStore({
      config,
      scope,
      log,
      clock: systemClock,
      applicationName: 'authctl restore',
      poolSize: 1,
    });
    return restoreBackup({ ...store, clock: systemClock }, backup, {
      actor: cliActor(osUser()),
      keepSessions: this.flags['keep-sessions'],
    });
  }
}

async function* watched(
  source: AsyncIterable<Buffer>,
  onBytes: (total: number) => void,
): AsyncGenerator<Buffer> {
  let total = 0;
  for await (const bytes of source) {
    total += bytes.length;
    onBytes(total);
    yield bytes;
  }
}
