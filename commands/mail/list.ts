import { Flags } from '@oclif/core';
import { channelFlag } from '../../src/cli/channel-flag.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { userIdFlag } from '../../src/cli/id-input.ts';
import { formatMails } from '../../src/cli/mail-table.ts';
import { createMailRecords, type MailRecord } from '../../src/services/mail/records.ts';
import { MAIL_KINDS } from '../../src/services/mail/templates/index.ts';

export default class MailList extends CoreCommand<typeof MailList> {
  static override summary =
    'List mails and text messages, the newest first: what is queued, sent or given up.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --status dead',
    '<%= config.bin %> <%= command.id %> --to ada@example.com --json',
  ];
  static override flags = {
    status: Flags.option({
      summary: 'Only mails in this state.',
      options: ['queued', 'sent', 'dead'] as const,
    })(),
    by: channelFlag,
    kind: Flags.option({ summary: 'Only mails of this kind.', options: MAIL_KINDS })(),
    to: Flags.string({ summary: 'Only those to this address or number.', helpValue: '<address>' }),
    user: userIdFlag('Only mails of this user.'),
    limit: Flags.integer({ summary: 'At most this many.', default: 50, min: 1, max: 1_000 }),
  };

  async run(): Promise<{ mails: MailRecord[] }> {
    const { status, by: channel, kind, to, user, limit } = this.flags;
    return this.withCore(async (core) => {
      const recipient = to?.trim().toLowerCase();
      const filter = { status, channel, kind, recipient, userId: user, limit };
      const mails = await createMailRecords(core).list(filter);
      this.log(mails.length > 0 ? formatMails(mails) : 'No mails.');
      return { mails };
    });
  }
}
