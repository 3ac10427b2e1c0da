import { BaseCommand } from '../../src/cli/base-command.ts';
import { openMigrator } from '../../src/cli/open-migrator.ts';

export default class MigratePlan extends BaseCommand<typeof MigratePlan> {
  static override summary = 'Print the SQL that `authctl migrate` would run; change nothing.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
  ];

  async run(): Promise<{ migrations: { name: string; sql: string }[] }> {
    const plan = await this.withScope(async (context) => {
      const migrator = await openMigrator(context);
      return migrator.plan();
    });
    for (const { name, sql } of plan.migrations) this.log(`-- ${name}\n\n${sql}`);
    if (plan.migrations.length === 0)
      this.log('-- The schema is current; there is nothing to run.');
    return plan;
  }
}
