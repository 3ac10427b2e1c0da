import { Args } from '@oclif/core';
import { yesFlag } from '../../src/cli/base-command.ts';
import { CoreCommand } from '../../src/cli/core-command.ts';
import type { Domain } from '../../src/services/domain/domains.ts';

export default class DomainsRemove extends CoreCommand<typeof DomainsRemove> {
  static override summary = 'Remove a domain: no new registrations; its accounts stay.';
  static override examples = ['<%= config.bin %> <%= command.id %> example.com --yes'];
  static override args = {
    domain: Args.string({ required: true, description: 'Like example.com.' }),
  };
  static override flags = { yes: yesFlag };

  async run(): Promise<Domain> {
    this.requireYes(`${this.args.domain} would take no new registrations.`);
    return this.withCore(async ({ domains }) => {
      const domain = await domains.remove(this.actor, this.args.domain);
      this.log(`${domain.name} removed`);
      return domain;
    });
  }
}
