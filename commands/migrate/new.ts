import { join } from 'node:path';
import { Args } from '@oclif/core';
import { BaseCommand } from '../../src/cli/base-command.ts';
import { createMigrator } from '../../src/db/migrate/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { packageRoot } from '../../src/lib/package-root.ts';

export default class MigrateNew extends BaseCommand<typeof MigrateNew> {
  static override summary = 'Write a migration from the changes in prisma/schema.prisma.';
  static override description =
    'For developers, in a checkout. Writes migration.sql and down.sql, to be read and completed by hand (CHECK constraints, collations, partial indexes), and a copy of schema.prisma for the next one to start from. Needs no database. Afterwards: npm run catalogue';
  static override examples = [
    '<%= config.bin %> <%= command.id %> add_login_hints',
    '<%= config.bin %> <%= command.id %> add_login_hints --json',
  ];
  static override args = {
    name: Args.string({ description: 'What it does, in snake_case.', required: true }),
  };

  async run(): Promise<{ folder: string; sql: string }> {
    const written = await this.withScope(({ log }) =>
      createMigrator({
        connectionString: '',
        prismaDir: join(packageRoot(), 'prisma'),
        log,
        clock: systemClock,
      }).create(this.args.name),
    );
    this.log(`wrote ${written.folder}`);
    return written;
  }
}
