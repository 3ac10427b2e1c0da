import { Args } from '@oclif/core';
import { mailFolder, openRenderer, openTransport } from '../../src/app/open-mail.ts';
import { BaseCommand } from '../../src/cli/base-command.ts';
import { settingFlags } from '../../src/cli/setting-flags.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { sendTestMail } from '../../src/services/mail/send-test-mail.ts';

type Result = { to: string; message_id: string; through: string };

export default class MailTest extends BaseCommand<typeof MailTest> {
  static override summary = 'Send a test mail now and say what the mail server answered.';
  static override description = 'It is not queued, so neither database nor worker is needed.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> you@example.com',
    'AUTHCTL_SMTP_URL=smtp://localhost:1025 <%= config.bin %> <%= command.id %> you@example.com --json',
  ];
  static override args = {
    address: Args.string({ required: true, description: 'Where to.' }),
  };
  static override flags = { ...settingFlags(['smtp.url', 'mail.from']) };

  async run(): Promise<Result> {
    return this.withScope(async ({ settings, scope, stop }) => {
      const sent = await sendTestMail(
        {
          transport: openTransport(settings, scope),
          render: openRenderer(settings),
          clock: systemClock,
          from: settings.mail.from,
        },
        this.args.address,
        stop,
      );
      const through = settings.smtp.url ? 'the mail server' : mailFolder(settings);
      this.log(
        settings.smtp.url
          ? `The mail server accepted the mail to ${sent.to}.`
          : `No mail server is configured (smtp.url); the mail is in ${through}.`,
      );
      return { ...sent, through };
    });
  }
}
