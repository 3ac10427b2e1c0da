import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Flags } from '@oclif/core';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { type Progress, startProgress } from '../../src/cli/progress.ts';
import { AppError } from '../../src/errors.ts';
import { errorCode } from '../../src/lib/error-code.ts';
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
      const users = await writeOut(source.pages(), out, progress);
      // The lines on standard output are JSON already: a summary among them would be one user too many.
      if (out === undefined) return;
      this.log(`Exported ${users} users to ${out}.`);
      return { users, file: out };
    });
  }
}

/** @throws AppError `usage` when the file exists or cannot be made */
async function writeOut(
  pages: AsyncIterable<ExportPage>,
  path: string | undefined,
  progress: Progress,
): Promise<number> {
  let users = 0;
  async function* texts() {
    for await (const page of pages) {
      yield page.text;
      users += page.users;
      progress.update(users);
    }
  }
  const target =
    path === undefined ? process.stdout : createWriteStream(path, { flags: 'wx', mode: 0o600 });
  try {
    await pipeline(Readable.from(texts()), target, { end: path !== undefined });
  } catch (error) {
    // Whoever reads, `head` for one, has had enough: no failure of ours.
    if (errorCode(error) === 'EPIPE') return users;
    // Only errors of the file name a path; those of the database do not.
    if (!(error instanceof Error && 'path' in error)) throw error;
    throw new AppError('usage', {
      text: `The file ${path} exists already, or cannot be written.`,
      hint: 'name another file',
      cause: error,
    });
  }
  return users;
}
