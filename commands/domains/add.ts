import { Args, Flags } from '@oclif/core';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { verificationFlag } from '../../src/cli/verification-flag.ts';
import { type DomainView, presentDomain } from '../../src/services/domain/view.ts';

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

  async run(): Promise<DomainView> {
    return this.withCore(async ({ domains }) => {
      const { trust, verification } = this.flags;
      const view = presentDomain(
        await domains.add(this.actor, { name: this.args.domain, trust, verification }),
      );
      this.log(`${view.name} added, ${view.status}, verification ${view.verification}`);
      if (view.status === 'pending')
        this.log(
          `publish   ${view.record.name}. IN TXT "${view.record.value}"\nthen run  authctl domains verify ${view.name}`,
        );
      return view;
    });
  }
}
