import { openStore } from '../app/open-store.ts';
import type { Migrator } from '../db/migrate/index.ts';
import { systemClock } from '../lib/clock.ts';
import type { CommandContext } from './base-command.ts';

/** Opens the configured database as it is, without migrating or checking it. */
export async function openMigrator({ settings, scope, log }: CommandContext): Promise<Migrator> {
  const store = await openStore({
    config: settings,
    scope,
    log,
    clock: systemClock,
    applicationName: 'authctl migrate',
    poolSize: 1,
  });
  return store.migrator;
}
