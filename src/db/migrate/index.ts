import type { Pool } from 'pg';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { queryable } from '../database.ts';
import { schemaMismatch } from './check-schema.ts';
import { compareHistory, readHistory, type SchemaStatus } from './history.ts';
import { type Migration, readMigrations } from './read-migrations.ts';
import { refuseWhileInUse } from './refuse-while-in-use.ts';
import { withMigrationLock, withSession } from './session.ts';

export interface MigratorDeps {
  /** A direct connection: the migration lock belongs to a session. */
  readonly connectionString: string;
  /** The folder of `schema.prisma` and `migrations/`. */
  readonly prismaDir: string;
  readonly log: Logger;
  readonly clock: Clock;
}

export type Migrator = ReturnType<typeof createMigrator>;

const NAME = /^[a-z][a-z0-9_]{0,59}$/;

/** The database schema's way forward and back. Nothing connects until a verb is called. */
export function createMigrator(deps: MigratorDeps) {
  const { connectionString, prismaDir, log, clock } = deps;

  async function status(): Promise<SchemaStatus> {
    const known = await readMigrations(prismaDir);
    return withSession(connectionString, (session) => statusOf(session, known));
  }

  /**
   * Applies what is pending. Any number of processes may call it at once: one applies, the others
   * wait for it and find nothing to do. A current schema costs one query; Prisma's engine is not loaded.
   * @param upTo the last one to apply; the newest unless told
   * @throws `schema_mismatch` when the database is newer or has diverged, or a migration fails
   */
  async function apply(upTo?: string): Promise<{ applied: string[] }> {
    const all = await readMigrations(prismaDir);
    const known = upTo === undefined ? all : all.filter(({ name }) => name <= upTo);
    const hasWork = (session: Pool) => findWork(session, known);
    if (!(await withSession(connectionString, hasWork))) return { applied: [] };

    return withMigrationLock(connectionString, log, async (session) => {
      const work = await findWork(session, known);
      if (!work) return { applied: [] };
      const { applyPending } = await import('./apply.ts');
      const startedMs = clock.monotonicMs();
      const applied = await applyPending(session, known, work.failed, log);
      log.info({ applied, ms: Math.round(clock.monotonicMs() - startedMs) }, 'database migrated');
      return { applied };
    });
  }

  /** What `apply` would run, in order. */
  async function plan(): Promise<{ migrations: { name: string; sql: string }[] }> {
    const known = await readMigrations(prismaDir);
    const work = await withSession(connectionString, (session) => findWork(session, known));
    const pending = new Set(work?.pending);
    const migrations = known.filter(({ name }) => pending.has(name));
    return { migrations: migrations.map(({ name, sql }) => ({ name, sql })) };
  }

  /**
   * Takes back the newest migrations, with the data in what they made: all of them or, when one
   * fails, none.
   * @param steps how many, at least 1
   * @throws `schema_mismatch` when this program does not know what was applied; `conflict` while
   *   processes of authctl are at work on the database
   */
  async function down(steps: number): Promise<{ reverted: string[] }> {
    if (!Number.isInteger(steps) || steps < 1)
      throw new AppError('usage', { text: 'The number of steps must be 1 or more.' });
    const known = await readMigrations(prismaDir);
    const byName = new Map(known.map((migration) => [migration.name, migration]));

    return withMigrationLock(connectionString, log, async (session) => {
      const status = await statusOf(session, known);
      refuseForeign(status);
      await refuseWhileInUse(session);
      const newestFirst = status.applied.map(({ name }) => name).reverse();
      const reverted = newestFirst.slice(0, steps);
      const { revert } = await import('./revert.ts');
      await revert(
        session,
        reverted.flatMap((name) => byName.get(name) ?? []),
      );
      log.info({ reverted }, 'migrations taken back');
      return { reverted };
    });
  }

  /**
   * Writes a new migration from what has changed in `schema.prisma` since the last one, to be read
   * and completed by hand. Needs no database.
   * @param name what it does, in snake_case
   */
  async function create(name: string): Promise<{ folder: string; sql: string }> {
    if (!NAME.test(name))
      throw new AppError('usage', {
        text: 'A migration is named in snake_case, starting with a letter.',
        hint: 'for example: authctl migrate new add_login_hints',
      });
    const previous = (await readMigrations(prismaDir)).at(-1)?.name;
    const time = clock.now().toISOString().replace(/\D/g, '').slice(0, 14);
    if (previous && previous.slice(0, 14) >= time)
      throw new AppError('conflict', {
        text: `The last migration, ${previous}, is not in the past; the new one would run before it.`,
        hint: "check this machine's clock",
      });
    const { writeMigration } = await import('./write-migration.ts');
    return writeMigration(prismaDir, `${time}_${name}`, previous, log);
  }

  return { apply, status, plan, down, create };
}

async function statusOf(session: Pool, known: readonly Migration[]): Promise<SchemaStatus> {
  return compareHistory(await readHistory(queryable(session)), known);
}

/** What there is to apply, or null when the schema is current. */
async function findWork(session: Pool, known: readonly Migration[]): Promise<SchemaStatus | null> {
  const status = await statusOf(session, known);
  refuseForeign(status);
  return status.pending.length > 0 ? status : null;
}

/** What this program does not know it neither adds to nor takes back. */
function refuseForeign(status: SchemaStatus): void {
  if (status.state === 'ahead' || status.state === 'diverged') throw schemaMismatch(status);
}
