import { Args, Flags } from '@oclif/core';
import { hashParams } from '../../src/app/open-forge.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { findInput } from '../../src/cli/find-input.ts';
import { describeImport, openRejectionSink } from '../../src/cli/import-report.ts';
import { startProgress } from '../../src/cli/progress.ts';
import { readLines } from '../../src/lib/read-lines.ts';
import { identityPolicyOf } from '../../src/services/registration/identity.ts';
import {
  createImportUsers,
  type ImportSummary,
} from '../../src/services/user/transfer/import-users.ts';

/** A line that is longer is rejected unread. */
const MAX_LINE_BYTES = 65_536;

export default class UsersImport extends CoreCommand<typeof UsersImport> {
  static override summary = 'Import users from another system, their password hashes included.';
  static override description =
    'One JSON object a line: {"email", "username", "phone", "id", "status", "role", "email_verified", "created_at", "password_hash"}, all but the identifier optional. Hashes may be bcrypt, scrypt, firebase-scrypt, PBKDF2 or Argon2 strings; each is replaced by our own at its owner\'s first sign-in. Lines that are refused are reported and spoil no other; running it again changes nothing. Exits 1 when lines were rejected. docs/import.md has the formats.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> users.ndjson --dry-run',
    '<%= config.bin %> <%= command.id %> users.ndjson --rejects rejected.ndjson',
    'jq -c ".users[]" old.json | <%= config.bin %> <%= command.id %> - --json',
  ];
  static override args = {
    file: Args.string({ description: 'The file; - reads standard input.', required: true }),
  };
  static override flags = {
    'dry-run': Flags.boolean({
      summary: 'Check every line and every conflict, and write nothing.',
      default: false,
    }),
    format: Flags.option({
      summary: 'The form of the file.',
      options: ['ndjson'] as const,
      default: 'ndjson',
    })(),
    rejects: Flags.string({
      summary: 'Write rejected lines and their problems to a new file, not to standard error.',
      helpValue: '<path>',
    }),
  };

  async run(): Promise<ImportSummary & { dry_run: boolean }> {
    const dryRun = this.flags['dry-run'];
    const input = await findInput(this.args.file);
    const summary = await this.withCore(async (core, { scope, stop }) => {
      const { config, keys } = core;
      const rejects = await openRejectionSink(this.flags.rejects);
      scope.own('rejected lines', rejects, (sink) => sink.close());
      const progress = startProgress('Importing (KiB)', Math.ceil(input.bytes / 1_024));
      scope.own('progress', progress, (bar) => bar.stop());
      const identities = identityPolicyOf(config);
      const importUsers = createImportUsers({
        ...core,
        keys,
        identities,
        params: hashParams(config),
      });
      return importUsers(readLines(input.open(), MAX_LINE_BYTES), {
        actor: this.actor,
        dryRun,
        signal: stop,
        onRejected: rejects.write,
        onProgress: (bytes) => progress.update(Math.ceil(bytes / 1_024)),
      });
    });
    this.log(describeImport(summary, { isDryRun: dryRun, rejects: this.flags.rejects }));
    if (summary.rejected > 0) process.exitCode = 1;
    return { ...summary, dry_run: dryRun };
  }
}
