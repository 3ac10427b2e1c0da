import { BaseCommand } from '../../src/cli/base-command.ts';
import { formatTable } from '../../src/cli/format.ts';
import { openMigrator } from '../../src/cli/open-migrator.ts';
import type { SchemaStatus } from '../../src/db/migrate/history.ts';
import { AppError } from '../../src/errors.ts';

export default class MigrateStatus extends BaseCommand<typeof MigrateStatus> {
  static override summary = 'Compare the database schema with this program.';
  static override description =
    'The state is current, empty, behind (run: authctl migrate), ahead (a newer program has migrated it) or diverged. Exits 4 unless it is current.';
  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    '<%= config.bin %> <%= command.id %> --json',
    '<%= config.bin %> <%= command.id %> || <%= config.bin %> migrate',
  ];

  async run(): Promise<SchemaStatus> {
    const status = await this.withScope(async (context) => {
      const migrator = await openMigrator(context);
      return migrator.status();
    });
    this.log(formatTable(['MIGRATION', 'STATE', 'APPLIED AT'], toRows(status)));
    this.log(`\nThe schema is ${status.state}.`);
    if (status.state === 'current') return status;
    if (this.jsonEnabled()) this.logJson(status);
    return this.exit(new AppError('schema_mismatch').exitCode);
  }
}

function toRows({ applied, pending, unknown, edited, failed }: SchemaStatus) {
  const odd = new Map([
    ...unknown.map((name) => [name, 'unknown'] as const),
    ...edited.map((name) => [name, 'edited'] as const),
    ...failed.map((name) => [name, 'pending (failed)'] as const),
  ]);
  return [
    ...applied.map(({ name, applied_at }) => [name, odd.get(name) ?? 'applied', applied_at]),
    ...pending.map((name) => [name, odd.get(name) ?? 'pending', null]),
  ];
}
