import { CoreCommand } from '../../src/cli/core-command.ts';
import { formatDomains } from '../../src/cli/domain-table.ts';
import type { Domain } from '../../src/services/domain/domains.ts';

export default class DomainsList extends CoreCommand<typeof DomainsList> {
  static override summary = 'List the e-mail domains, and the TXT records still to be published.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  async run(): Promise<{ domains: Domain[] }> {
    return this.withCore(async ({ domains }) => {
      const list = await domains.list();
      this.log(
        list.length > 0 ? formatDomains(list) : 'No domains yet: authctl domains add example.com',
      );
      return { domains: list };
    });
  }
}
