import { CoreCommand } from '../../src/cli/core-command.ts';
import { formatTable } from '../../src/cli/format.ts';
import { type KeyView, listKeys } from '../../src/services/key/list.ts';

export default class KeysList extends CoreCommand<typeof KeysList> {
  static override summary =
    'List keys: which sign, which still verify, which are next. Never secrets.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  async run(): Promise<{ keys: KeyView[] }> {
    return this.withCore(async ({ db, clock }) => {
      const keys = await listKeys(db, clock.now());
      const rows = keys.map((key) => [
        key.kind,
        key.status,
        key.kid,
        key.not_after ?? '',
        key.uses ?? '',
      ]);
      this.log(formatTable(['KIND', 'STATUS', 'KEY', 'VERIFIES UNTIL', 'USED BY'], rows));
      return { keys };
    });
  }
}
