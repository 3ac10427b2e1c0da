import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/index.ts';
import {
  checkServer,
  isPoolerError,
  poolerInBetween,
  requireWritable,
} from '../db/check-server.ts';
import { type Db, openDatabase, statement } from '../db/database.ts';
import { isConnectionError } from '../db/errors.ts';
import { checkSchema } from '../db/migrate/check-schema.ts';
import { createMigrator, type Migrator } from '../db/migrate/index.ts';
import { type Migration, readMigrations } from '../db/migrate/read-migrations.ts';
import { AppError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import { errorCode } from '../lib/error-code.ts';
import type { Scope } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { packageRoot } from '../lib/package-root.ts';
import { retryUntil } from '../lib/retry-until.ts';
import { shareRun } from '../lib/share-run.ts';

export interface Store {
  readonly db: Db;
  readonly migrator: Migrator;
  /** The migrations this program knows. */
  readonly known: readonly Migration[];
  readonly isEmbedded: boolean;
  readonly connectionString: string;
}

export interface OpenStoreOptions {
  readonly config: Config;
  readonly scope: Scope;
  readonly log: Logger;
  readonly clock: Clock;
  /** Shown in pg_stat_activity: `authctl api`, `authctl worker`, `authctl cli`. */
  readonly applicationName: string;
  readonly poolSize: number;
  /** How long to wait for an external server; `startup.deadline` when absent. */
  readonly patienceMs?: number | undefined;
  /**
   * A process that serves waits as long for an external server to take writes: a standby may be about to
   * take over. A command reads from any, and the embedded server keeps connections for it.
   */
  readonly serves?: boolean;
}

const PING = statement('ping', 'SELECT 1');
/** After a start of the embedded server that failed, before the next. */
const RESTART_PAUSE_MS = 2_000;

/**
 * Opens the database: joins the embedded PostgreSQL, or waits for the external one.
 * @throws AppError `dependency_unreachable` when it does not answer in time, or refuses us;
 *   `config_invalid` when it is too old, not in UTF-8 or behind a pooler
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { config, scope, log, clock } = options;
  const external = config.database.url?.reveal();
  if (external) refuseSessionSettings(external);
  const { connectionString, onUnreachable } = external
    ? { connectionString: external, onUnreachable: undefined }
    : await joinEmbedded(options);
  const db = scope.own(
    'database pool',
    openDatabase({
      connectionString,
      poolSize: options.poolSize,
      applicationName: options.applicationName,
      statementTimeoutMs: config.database.statementTimeoutMs,
      log,
      onUnreachable,
      ending: scope.ending,
    }),
    (opened) => opened.close(),
  );
  if (external) {
    await waitForDatabase(db, options);
    await checkServer(db, config.database.statementTimeoutMs);
  }
  const prismaDir = join(packageRoot(), 'prisma');
  return {
    db,
    migrator: createMigrator({ connectionString, prismaDir, log, clock }),
    known: await readMigrations(prismaDir),
    isEmbedded: external === undefined,
    connectionString,
  };
}

/**
 * Makes sure that the schema is the one this program knows. The embedded database belongs to this
 * program alone and is migrated here; an external one is migrated when its operator says so.
 * @throws AppError `schema_mismatch`
 */
export async function ensureSchema(store: Store): Promise<void> {
  if (store.isEmbedded) await store.migrator.apply();
  else await checkSchema(store.db, store.known);
}

async function joinEmbedded({ config, scope, log, clock, serves }: OpenStoreOptions) {
  const { joinEmbeddedPostgres } = await import('../db/embedded/join.ts');
  const server = scope.own(
    'embedded PostgreSQL',
    await joinEmbeddedPostgres({
      dataDir: config.dataDir,
      tuning: config.database.tuning,
      log,
      clock,
    }),
    (joined) => joined.leave(),
  );
  /** Whoever meets a dead server starts it again; many callers at once start it once. */
  const restart = shareRun(() =>
    server.ensureRunning().catch(async (error: unknown) => {
      log.error({ err: error }, 'embedded PostgreSQL did not restart');
      // Its disk may be full: each start then replays its log in vain, and says so in its own.
      await sleep(RESTART_PAUSE_MS, undefined, { ref: false });
    }),
  );
  const connectionString = serves ? server.connectionString : server.commandConnectionString;
  return { connectionString, onUnreachable: () => void restart() };
}

/** They would win over ours. @throws AppError `config_invalid` */
function refuseSessionSettings(url: string): void {
  const given = /[?&]((?:statement|lock|query|idle_in_transaction_session)_timeout)=/.exec(url);
  if (!given) return;
  throw new AppError('config_invalid', {
    text: `AUTHCTL_DATABASE_URL must not set ${given[1]}.`,
    hint: 'leave it out; AUTHCTL_DATABASE_STATEMENT_TIMEOUT is the setting for it',
  });
}

async function waitForDatabase(db: Db, options: OpenStoreOptions): Promise<void> {
  const { config, scope, clock, log, serves = false } = options;
  const ping = () => (serves ? requireWritable(db) : db.query(PING));
  try {
    await retryUntil<unknown>(ping, {
      deadlineMs: options.patienceMs ?? config.startup.deadlineMs,
      clock,
      isPassing: (error) =>
        error instanceof AppError || (isConnectionError(error) && !isPoolerError(error)),
      onRetry: (error) => log.warn({ reason: reasonOf(error) }, 'waiting for the database'),
      signal: scope.ending,
    });
  } catch (error) {
    if (isPoolerError(error)) throw poolerInBetween(error);
    if (error instanceof AppError) throw error;
    throw new AppError('dependency_unreachable', {
      text: `PostgreSQL ${isConnectionError(error) ? 'does not answer' : 'refuses'}: ${reasonOf(error)}`,
      hint: CERTIFICATE_FAULT.test(errorCode(error) ?? '')
        ? 'name the authority that signed it: …?sslmode=verify-full&sslrootcert=<file> in AUTHCTL_DATABASE_URL'
        : 'check AUTHCTL_DATABASE_URL, or leave it empty for the embedded database',
      cause: error,
    });
  }
}

/** OpenSSL's and Node's codes for a server whose certificate is not known, or another's. */
const CERTIFICATE_FAULT = /CERT|VERIFY_LEAF_SIGNATURE/;

function reasonOf(error: unknown): string {
  return (error instanceof Error && error.message) || 'no reason given';
}
