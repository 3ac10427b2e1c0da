import { Args } from '@oclif/core';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { verificationFlag } from '../../src/cli/verification-flag.ts';
import type { Domain } from '../../src/services/domain/domains.ts';

export default class DomainsSet extends CoreCommand<typeof DomainsSet> {
  static override summary = "Change a domain's policy; running nodes follow within a second.";
  static override examples = [
    '<%= config.bin %> <%= command.id %> example.com --verification none',
  ];
  static override args = {
    domain: Args.string({ required: true, description: 'Like example.com.' }),
  };
  static override flags = { verification: verificationFlag({ required: true }) };

  async run(): Promise<Domain> {
    return this.withCore(async ({ domains }) => {
      const { verification } = this.flags;
      const domain = await domains.set(this.actor, this.args.domain, verification);
      this.log(`${domain.name}: verification ${domain.verification}`);
      return domain;
    });
  }
}
