import { readFile } from 'node:fs/promises';
import { Args, Flags } from '@oclif/core';
import { CoreCommand } from '../../src/cli/core-command.ts';
import { formatDomains } from '../../src/cli/domain-table.ts';
import { unreadableFile } from '../../src/cli/unreadable-file.ts';
import { verificationFlag } from '../../src/cli/verification-flag.ts';
import { AppError } from '../../src/errors.ts';
import type { Domain } from '../../src/services/domain/domains.ts';
import { parseDomainSeeds } from '../../src/services/domain/seed-file.ts';

export default class DomainsSeed extends CoreCommand<typeof DomainsSeed> {
  static override summary = 'Add or update domains from a file, or the configured ones without.';
  static override description =
    'One domain a line, with its verification after it if it differs; # starts a comment. Running it twice changes nothing.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> domains.txt --trust',
    'AUTHCTL_DOMAINS=example.com,example.org <%= config.bin %> <%= command.id %>',
  ];
  static override args = { file: Args.string({ description: 'The list of domains.' }) };
  static override flags = {
    trust: Flags.boolean({ summary: 'Vouch for them (audited).', default: false }),
    verification: verificationFlag(),
  };

  async run(): Promise<{ domains: Domain[] }> {
    const { file } = this.args;
    const seeds =
      file === undefined
        ? this.settings.domains.map((name) => ({ name }))
        : parseDomainSeeds(await readSeedFile(file));
    if (seeds.length === 0)
      throw new AppError('usage', {
        text: 'There is no domain to seed.',
        hint: 'name a file, or set AUTHCTL_DOMAINS',
      });
    return this.withCore(async ({ domains }) => {
      const { trust, verification } = this.flags;
      const wanted = seeds.map((seed) => ({ trust, verification, ...seed }));
      const list = await domains.seed(this.actor, wanted);
      this.log(formatDomains(list));
      return { domains: list };
    });
  }
}

async function readSeedFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadableFile(path, error, 'name a file with one domain a line');
  }
}
