import { Args } from '@oclif/core';
import { openSmsGateway } from '../../src/app/open-mail.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { AppError } from '../../src/errors.ts';
import { sendTestText } from '../../src/services/mail/sms/send-test-text.ts';

type Result = { to: string; id: string };

export default class SmsTest extends CoreCommand<typeof SmsTest> {
  static override summary = 'Send a test text message now and say what the gateway answered.';
  static override description = 'It is not queued, so no worker is needed.';
  static override examples = ['<%= config.bin %> <%= command.id %> +491701234567'];
  static override args = {
    number: Args.string({ required: true, description: 'Where to, with the country code.' }),
  };

  async run(): Promise<Result> {
    return this.withCore(async (core, { stop }) => {
      const gateway = openSmsGateway(core);
      if (!gateway)
        throw new AppError('config_invalid', {
          text: 'No gateway is configured (sms.url).',
          hint: 'set AUTHCTL_SMS_URL; docs/mail.md says what a gateway is sent',
        });
      const { product } = core.config;
      const sent = await sendTestText(
        { gateway, clock: core.clock, product },
        this.args.number,
        stop,
      );
      this.log(`The gateway took the message to ${sent.to}.`);
      return sent;
    });
  }
}
