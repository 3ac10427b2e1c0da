import { CoreCommand } from '../../src/cli/core-command.ts';

interface ExportedKey {
  readonly kid: string;
  readonly paserk: string;
  readonly status: string;
  readonly not_after: string | null;
}

export default class KeysExport extends CoreCommand<typeof KeysExport> {
  static override summary =
    'Print the public signing keys (PASERK), for verifiers that are offline.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json > keys.json',
  ];

  async run(): Promise<{ issuer: string; keys: ExportedKey[] }> {
    return this.withCore(async ({ keys, issuer }) => {
      const { published } = await keys.ring();
      const list = published.map(({ kid, paserk, status, notAfter }) => ({
        kid,
        paserk,
        status,
        not_after: notAfter?.toISOString() ?? null,
      }));
      for (const { paserk } of list) this.log(paserk);
      return { issuer, keys: list };
    });
  }
}
