import { CoreCommand } from '../../src/cli/core-command.ts';
import { webhookSecrets } from '../../src/services/webhook/secrets.ts';
import { formatWebhookSecret } from '../../src/services/webhook/signature.ts';

export default class EventsWebhookSecret extends CoreCommand<typeof EventsWebhookSecret> {
  static override summary = 'Print the secret that receivers verify webhooks with.';
  static override description =
    'It is webhook.secret or, when that is not set, derived from the keys of this installation; in ' +
    'either case in the form that Standard Webhooks libraries take. Keep it out of logs.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  async run(): Promise<{ secret: string; from: 'webhook.secret' | 'keys' }> {
    return this.withCore(async ({ keys, config }) => {
      const configured = config.webhook.secret?.reveal();
      const [current] = await webhookSecrets(keys, 'events', configured);
      const secret = formatWebhookSecret(current);
      this.log(secret);
      return { secret, from: configured === undefined ? 'keys' : 'webhook.secret' };
    });
  }
}
