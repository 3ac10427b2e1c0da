import { Args, Flags } from '@oclif/core';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { verificationFlag } from '../../src/cli/verification-flag.ts';
import type { Domain } from '../../src/services/domain/domains.ts';

export default class DomainsAdd extends CoreCommand<typeof DomainsAdd> {
  static override summary = 'Add an e-mail domain whose addresses may register.';
  static override description =
    'It is pending until its TXT record is seen (`domains verify`), unless you vouch for it with --trust, ' +
    'which the audit remembers.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> example.com',
    '<%= config.bin %> <%= command.id %> example.com --trust --verification none',
  ];
  static override args = {
    domain: Args.string({ required: true, description: 'Like example.com.' }),
  };
  static override flags = {
    trust: Flags.boolean({ summary: 'Vouch for it instead of a DNS proof.', default: false }),
    verification: verificationFlag({ default: 'email_code' }),
  };

  async run(): Promise<Domain> {
    return this.withCore(async ({ domains }) => {
      const { trust, verification } = this.flags;
      const seed = { name: this.args.domain, trust, verification };
      const domain = await domains.add(this.actor, seed);
      const { name, status, record } = domain;
      this.log(`${name} added, ${status}, verification ${domain.verification}`);
      if (status === 'pending')
        this.log(
          `publish   ${record.name}. IN TXT "${record.value}"\nthen run  authctl domains verify ${name}`,
        );
      return domain;
    });
  }
}
