import { Flags } from '@oclif/core';
import { BaseCommand, yesFlag } from '../../src/cli/base-command.ts';
import { openMigrator } from '../../src/cli/open-migrator.ts';

export default class MigrateDown extends BaseCommand<typeof MigrateDown> {
  static override summary = 'Take back the newest migrations, and the data in what they made.';
  static override description =
    'All the steps or none, and none while processes of authctl are at work on the database. For going back to an older version of authctl: stop every process, take the steps back with the newer version, then start the older one. A start of this version on the embedded database applies them again.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --yes',
    '<%= config.bin %> <%= command.id %> --steps 2 --yes --json',
  ];
  static override flags = {
    steps: Flags.integer({ summary: 'How many migrations to take back.', default: 1, min: 1 }),
    yes: yesFlag,
  };

  async run(): Promise<{ reverted: string[] }> {
    const { steps } = this.flags;
    this.requireYes(
      `This drops what the last ${steps === 1 ? 'migration' : `${steps} migrations`} made, with the data in it.`,
    );
    const result = await this.withScope(async (context) => {
      const migrator = await openMigrator(context);
      return migrator.down(steps);
    });
    for (const name of result.reverted) this.log(`took back ${name}`);
    if (result.reverted.length === 0)
      this.log('The database has no migrations; nothing was changed.');
    return result;
  }
}
