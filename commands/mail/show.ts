import { Args } from '@oclif/core';
import { mailFolder } from '../../src/app/open-mail.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { formatTable } from '../../src/cli/format.ts';
import { createMailRecords, type MailRecord } from '../../src/services/mail/records.ts';
import { readEml, type StoredMessage } from '../../src/services/mail/transport/read-eml.ts';

type Result = MailRecord & { message: StoredMessage | null };

export default class MailShow extends CoreCommand<typeof MailShow> {
  static override summary = 'Show what became of a mail; in development also what it says.';
  static override description =
    'A mail that goes through a mail server is never shown: its code is for its recipient only.';
  static override examples = ['<%= config.bin %> <%= command.id %> 019ab3c4-…'];
  static override args = { id: Args.string({ required: true, description: 'From `mail list`.' }) };

  async run(): Promise<Result> {
    return this.withCore(async (core) => {
      const { config } = core;
      const mail = await createMailRecords(core).get(this.args.id);
      const isReadable = config.env === 'development' && config.smtp.url === undefined;
      const message = isReadable ? await readEml(mailFolder(config), mail.id) : null;
      this.log(formatTable(['', ''], Object.entries(mail)));
      if (message) this.log(`\n${message.file}\n\nSubject: ${message.subject}\n\n${message.text}`);
      return { ...mail, message };
    });
  }
}
