import { CoreCommand } from '../../src/cli/core-command.ts';
import type { PublishedKey } from '../../src/services/key/keyring.ts';

export default class KeysExport extends CoreCommand<typeof KeysExport> {
  static override summary =
    'Print the public signing keys (PASERK), for verifiers that are offline.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json > keys.json',
  ];

  async run(): Promise<{ issuer: string; keys: PublishedKey[] }> {
    return this.withCore(async ({ keys, issuer }) => {
      const published = await keys.published();
      for (const { paserk } of published) this.log(paserk);
      return { issuer, keys: published };
    });
  }
}
