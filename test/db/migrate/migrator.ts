import { join } from 'node:path';
import { createMigrator, type Migrator } from '../../../src/db/migrate/index.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { packageRoot } from '../../../src/lib/package-root.ts';

export const PRISMA_DIR = join(packageRoot(), 'prisma');

export const log = createLogger({ level: 'silent' });

/** Knows nothing of vitest, so that a process of a test's own can use it. */
export function openMigrator(connectionString: string, prismaDir = PRISMA_DIR): Migrator {
  return createMigrator({ connectionString, prismaDir, log, clock: systemClock });
}
