import { Args, Flags } from '@oclif/core';
import { channelFlag } from '../../src/cli/channel-flag.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { AppError } from '../../src/errors.ts';
import { createMailRecords } from '../../src/services/mail/records.ts';

export default class MailRetry extends CoreCommand<typeof MailRetry> {
  static override summary = 'Queue mails that were given up again, with all their tries.';
  static override description =
    'A mail whose code has expired cannot be tried again: its content is gone.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> 019ab3c4-…',
    '<%= config.bin %> <%= command.id %> --all',
    '<%= config.bin %> <%= command.id %> --all --by sms',
  ];
  static override args = { id: Args.string({ description: 'From `mail list --status dead`.' }) };
  static override flags = {
    all: Flags.boolean({ summary: 'Every mail that was given up.', default: false }),
    by: channelFlag,
  };

  async run(): Promise<{ retried: string[] }> {
    const { id } = this.args;
    const { all, by } = this.flags;
    if ((id === undefined) !== all || (by !== undefined && !all))
      throw new AppError('usage', {
        text: 'Name one mail, or all of them.',
        hint: 'authctl mail retry <id>, or authctl mail retry --all [--by mail|sms]',
      });
    return this.withCore(async (core) => {
      const records = createMailRecords(core);
      const retried = id === undefined ? await records.retryAll(this.actor, by) : [id];
      if (id !== undefined) await records.retry(id, this.actor);
      this.log(`${retried.length} queued again`);
      return { retried };
    });
  }
}
