import { Args, Flags } from '@oclif/core';
import { CoreCommand } from '../../src/cli/core-command.ts';
import type { Domain } from '../../src/services/domain/domains.ts';

export default class DomainsVerify extends CoreCommand<typeof DomainsVerify> {
  static override summary = "Check a domain's TXT record and mark the domain verified.";
  static override examples = [
    '<%= config.bin %> <%= command.id %> example.com',
    '<%= config.bin %> <%= command.id %> example.com --resolver 1.1.1.1:53',
    '<%= config.bin %> <%= command.id %> example.com --trust',
  ];
  static override args = {
    domain: Args.string({ required: true, description: 'Like example.com.' }),
  };
  static override flags = {
    resolver: Flags.string({ summary: 'DNS server to ask.', helpValue: '<host:port>' }),
    trust: Flags.boolean({
      summary: 'Vouch for it instead of looking (audited).',
      default: false,
      exclusive: ['resolver'],
    }),
  };

  async run(): Promise<Domain> {
    return this.withCore(async ({ domains }) => {
      const { trust, resolver } = this.flags;
      const { domain } = this.args;
      const verified = trust
        ? await domains.trust(this.actor, domain)
        : await domains.verify(this.actor, domain, resolver);
      this.log(`${verified.name} is verified by ${verified.verified_by}`);
      return verified;
    });
  }
}
