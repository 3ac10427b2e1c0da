import { BaseCommand } from '../../src/cli/base-command.ts';
import { openMigrator } from '../../src/cli/open-migrator.ts';

export default class Migrate extends BaseCommand<typeof Migrate> {
  static override summary = 'Bring the database schema up to this program.';
  static override description =
    'Safe to run from many places at once: one applies what is pending, the others wait for it. A migration that fails leaves nothing behind. The embedded database is migrated at every start without it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
    'AUTHCTL_DATABASE_URL=postgresql://authctl@db/authctl <%= config.bin %> <%= command.id %>',
  ];

  async run(): Promise<{ applied: string[] }> {
    const result = await this.withScope(async (context) => {
      const migrator = await openMigrator(context);
      return migrator.apply();
    });
    for (const name of result.applied) this.log(`applied ${name}`);
    if (result.applied.length === 0) this.log('The schema is current; there was nothing to apply.');
    return result;
  }
}
