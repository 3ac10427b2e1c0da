import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from '@oclif/core';
import type { Config } from '../../config/index.ts';
import type { Core } from '../app/core.ts';
import { AppError } from '../errors.ts';
import type { Logger } from '../lib/logger.ts';
import { osUser } from '../lib/os-user.ts';
import { type Actor, cliActor } from '../services/audit/actor.ts';
import { BaseCommand, type CommandContext } from './base-command.ts';

/** Connections a short command needs at most. */
const POOL_SIZE = 2;
/** Somebody is waiting at a terminal; a server that is only restarting is back by then. */
const PATIENCE_MS = 10_000;

/** A short command that works on the installation itself: database, keys and domains are opened. */
export abstract class CoreCommand<
  T extends typeof Command = typeof Command,
> extends BaseCommand<T> {
  /** Who the audit says did it. */
  protected get actor(): Actor {
    return cliActor(osUser());
  }

  /**
   * Opens the installation, runs the work and closes everything again.
   * @throws AppError `config_invalid`, `dependency_unreachable`, `schema_mismatch`, `key_mismatch`
   */
  protected withCore<R>(work: (core: Core, context: CommandContext) => Promise<R>): Promise<R> {
    return this.withScope(async (context) => {
      const { settings: config, scope, log } = context;
      warnOfNewInstallation(config, log);
      const { openCore } = await import('../app/core.ts');
      const core = await openCore({
        config,
        scope,
        log,
        role: 'cli',
        poolSize: POOL_SIZE,
        patienceMs: Math.min(PATIENCE_MS, config.startup.deadlineMs),
      });
      return work(core, context);
    });
  }
}

/**
 * Makes sure that there is an installation already, for a command that has no use for a new one.
 * @throws AppError `config_invalid`
 */
export function requireInstallation(config: Config): void {
  if (!isNewInstallation(config)) return;
  throw new AppError('config_invalid', {
    text: `There is no installation in ${config.dataDir}.`,
    hint: 'go to its folder, or name its data folder with --data-dir',
  });
}

/** A data folder is found from the working folder: in another one, "No users." would be a riddle. */
function warnOfNewInstallation(config: Config, log: Logger): void {
  if (!isNewInstallation(config)) return;
  const fields = { data_dir: config.dataDir };
  log.warn(fields, 'there was no installation in this folder: a new one is made');
}

function isNewInstallation({ database, dataDir }: Config): boolean {
  return !database.url && isMissing(join(dataDir, 'postgres'));
}

/** Not of what one may not look at: that is somebody else's installation, as likely as none. */
function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}
