import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { ensurePrivateFolder } from '../../lib/private-files.ts';
import { shareRun } from '../../lib/share-run.ts';
import { type FileLock, lockExclusive, tryLock } from './file-lock.ts';
import { openInstallation } from './installation.ts';
import { probeServer } from './probe.ts';
import { type ServerOptions, startServer, stopServer } from './server.ts';
import { claimTerritory } from './territory.ts';

/** Longer than the longest start and stop, so that whoever waits sees their outcome. */
const LOCK_PATIENCE_MS = 120_000;

export interface EmbeddedPostgres {
  /** For `pg` and Prisma's adapter: our own role, no superuser, through a unix socket. */
  readonly connectionString: string;
  /** The same for a command, which gets in when all other connections are taken. */
  readonly commandConnectionString: string;
  /**
   * Starts the server again if it is gone (crashed, killed). Any process may call it at any time,
   * concurrently; cheap while the server runs.
   * @throws `dependency_unreachable` when it does not come up; `unavailable` after `leave`
   */
  ensureRunning(): Promise<void>;
  /** Leaves. The last one out, of all processes, stops the server and waits for it. */
  leave(): Promise<void>;
}

export interface JoinOptions {
  readonly dataDir: string;
  /** PostgreSQL settings in place of ours, as `name=value`; they hold when it is this process that starts it. */
  readonly tuning?: readonly string[];
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Joins the users of a data folder's PostgreSQL; the first starts it, making it when there is none.
 *
 * Two locks under `<data>/run` hold this together. `start.lock`, exclusive, is held while somebody
 * starts or stops the server. `presence.lock` is held shared by everybody who uses it; whoever leaves
 * and can have it exclusively was the last. The kernel drops both when a process dies, so there is
 * nothing to clean up after a crash: the next to join finds the server running or starts it, and is
 * counted like anybody else.
 * @throws `config_invalid` when PostgreSQL cannot run here, `dependency_unreachable` when it does
 * not come up or another container uses the folder
 */
export async function joinEmbeddedPostgres(options: JoinOptions): Promise<EmbeddedPostgres> {
  const { log, clock = systemClock } = options;
  await ensurePrivateFolder(options.dataDir);
  const dataDir = await realpath(options.dataDir);
  const runDir = join(dataDir, 'run');
  await ensurePrivateFolder(runDir);
  const presenceFile = join(runDir, 'presence.lock');

  async function alone<T>(work: () => Promise<T>): Promise<T> {
    const lock = await lockExclusive(join(runDir, 'start.lock'), LOCK_PATIENCE_MS, clock);
    try {
      return await work();
    } finally {
      lock.release();
    }
  }

  const { installation, server, presence } = await alone(async () => {
    await claimTerritory(dataDir, presenceFile);
    const installation = await openInstallation(dataDir, options.tuning ?? []);
    const server: ServerOptions = { ...installation, log, clock };
    await startServer(server, installation.prepareStart);
    return { installation, server, presence: declarePresence(presenceFile) };
  });

  let starting = Promise.resolve();
  let left: Promise<void> | undefined;

  const startAgain = shareRun(async () => {
    if ((await probeServer(server.connectionString)) === 'up') return;
    await alone(() => startServer(server, installation.prepareStart));
  });

  async function leaveOnce(): Promise<void> {
    // Its outcome belongs to whoever asked for it.
    await starting.catch(() => undefined);
    await alone(async () => {
      presence.release();
      const last = tryLock(presenceFile, 'exclusive');
      if (!last) return;
      try {
        await stopServer(server);
      } finally {
        last.release();
      }
    });
  }

  return {
    connectionString: installation.connectionString,
    commandConnectionString: installation.commandConnectionString,
    async ensureRunning() {
      if (left) throw new AppError('unavailable');
      starting = startAgain();
      await starting;
    },
    leave() {
      left ??= leaveOnce();
      return left;
    },
  };
}

/** Never refused: the exclusive lock on presence is taken by holders of the start lock only. */
function declarePresence(file: string): FileLock {
  const presence = tryLock(file, 'shared');
  if (!presence) throw new Error(`${file} is locked by something that is not authctl`);
  return presence;
}
