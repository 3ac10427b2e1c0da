import { Flags } from '@oclif/core';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { startProgress } from '../../src/cli/progress.ts';
import { writeOut } from '../../src/cli/write-out.ts';
import { counted } from '../../src/lib/counted.ts';
import { recordAudit } from '../../src/services/audit/record.ts';
import {
  createExportUsers,
  type ExportPage,
} from '../../src/services/user/transfer/export-users.ts';

export default class UsersExport extends CoreCommand<typeof UsersExport> {
  static override summary = 'Export all users, one JSON object a line.';
  static override description =
    'What `users import` reads, without anything that guards an account: passwords, second factors and sessions stay. With --out, --json says how many and where; without it the lines are all there is. To move an installation with its passwords, use backup and restore.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --json > users.ndjson',
    '<%= config.bin %> <%= command.id %> --out users.ndjson --json',
  ];
  static override flags = {
    out: Flags.string({
      summary: 'Write to a new file that only its owner can read, not to standard output.',
      helpValue: '<path>',
    }),
  };

  async run(): Promise<{ users: number; file: string } | undefined> {
    const { out } = this.flags;
    return this.withCore(async ({ db, clock }, { scope }) => {
      const source = createExportUsers(db);
      const progress = startProgress('Exporting', await source.count());
      scope.own('progress', progress, (bar) => bar.stop());
      const at = clock.now();
      await recordAudit(db, { at, action: 'users.exported', actor: this.actor });
      let users = 0;
      const count = (page: ExportPage) => {
        users += page.users;
        progress.update(users);
      };
      await writeOut(textsOf(source.pages(), count), out, scope, 'The export');
      // The lines on standard output are JSON already: a summary among them would be one user too many.
      if (out === undefined) return;
      this.log(`Exported ${counted(users, 'user')} to ${out}.`);
      return { users, file: out };
    });
  }
}

async function* textsOf(
  pages: AsyncIterable<ExportPage>,
  onWritten: (page: ExportPage) => void,
): AsyncGenerator<string> {
  for await (const page of pages) {
    yield page.text;
    onWritten(page);
  }
}
