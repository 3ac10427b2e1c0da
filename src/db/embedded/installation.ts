import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from '../../crypto/random.ts';
import { AppError } from '../../errors.ts';
import { readIfExists, writePrivateFile } from '../../lib/private-files.ts';
import { findBinaries } from './binaries.ts';
import {
  addCommandRole,
  COMMAND_ROLE,
  DATABASE,
  hasCluster,
  hasCommandRole,
  makeCluster,
  ROLE,
  resetPassword,
} from './cluster.ts';
import { findPostmaster, removeRecycledPids } from './postmaster.ts';
import {
  chooseServerAccount,
  type ServerAccount,
  type ServerCommand,
  serverCommand,
} from './server-account.ts';
import { SOCKET_PORT, serverSettings } from './server-settings.ts';
import { prepareSocketFolder, socketFolderOf } from './socket-folder.ts';

/**
 * Said in full, because the driver takes what is left out from the environment (PGSSLMODE, PGOPTIONS …),
 * which is about the operator's other databases: this server has no TLS, and settings of its own.
 */
const OWN_WAYS = 'sslmode=disable&sslnegotiation=postgres&options=%20';

/** A data folder's PostgreSQL: where it is, how to reach it, how to start it. */
export interface Installation {
  /** PostgreSQL's data folder. */
  readonly folder: string;
  readonly socketFolder: string;
  readonly logFile: string;
  readonly connectionString: string;
  /** The same for a command, which gets in when all other connections are taken. */
  readonly commandConnectionString: string;
  /** Of a database that is always there. */
  readonly maintenanceUrl: string;
  /** Readies what a start needs and tells how to start. The caller holds the start lock. */
  prepareStart(): Promise<ServerCommand>;
}

/**
 * Opens the PostgreSQL of a data folder, making it at the first time. The caller holds the start
 * lock.
 * @param dataDir real path of the data folder
 * @param tuning PostgreSQL settings in place of ours, as `name=value`
 * @throws `config_invalid` when it cannot be used here
 */
export async function openInstallation(
  dataDir: string,
  tuning: readonly string[],
): Promise<Installation> {
  const folder = join(dataDir, 'postgres');
  const socketFolder = socketFolderOf(dataDir);
  const passwordFile = join(dataDir, 'postgres.password');
  const binaries = await findBinaries();

  const isNew = !(await hasCluster(binaries, folder));
  let password = (await readIfExists(passwordFile))?.trim();
  if (isNew) {
    // The password first: whatever a crash leaves, a data folder never lacks its password.
    password ??= await storePassword(passwordFile, newPassword());
    await makeCluster(binaries, folder, password);
  }
  password ??= await replacePassword();
  const commandRole = await findCommandRole(password);
  await prepareSocketFolder(socketFolder, await stat(folder));

  /** A server of a release before that role goes on without it until the start after its stop. */
  async function findCommandRole(known: string): Promise<string> {
    if (await hasCommandRole(folder)) return COMMAND_ROLE;
    if (await findPostmaster(folder, socketFolder)) return ROLE;
    // What keeps it from being made, survivors of a killed server or a full disk, is the start's to meet.
    return addCommandRole(binaries, await repairAccount(), folder, known).then(
      () => COMMAND_ROLE,
      () => ROLE,
    );
  }

  /** The superuser has no password, so one that is lost is replaced with the server stopped. */
  async function replacePassword(): Promise<string> {
    if (await findPostmaster(folder, socketFolder)) {
      throw new AppError('config_invalid', {
        text: `${passwordFile} is missing.`,
        hint: 'stop every authctl process of this data folder; the next start makes a new password',
      });
    }
    const replacement = newPassword();
    await resetPassword(binaries, await repairAccount(), folder, replacement);
    return storePassword(passwordFile, replacement);
  }

  function urlOf(database: string, role = ROLE): string {
    return `postgresql://${role}:${password}@/${database}?host=${socketFolder}&port=${SOCKET_PORT}&${OWN_WAYS}`;
  }

  async function account(): Promise<ServerAccount> {
    return chooseServerAccount(binaries.postgres, folder, await stat(folder));
  }

  /** Who runs single-user mode, which obeys the pid file of a server that crashed as a start does. */
  async function repairAccount(): Promise<ServerAccount> {
    await removeRecycledPids(folder, socketFolder);
    return account();
  }

  return {
    folder,
    socketFolder,
    logFile: join(dataDir, 'postgres.log'),
    connectionString: urlOf(DATABASE),
    commandConnectionString: urlOf(DATABASE, commandRole),
    maintenanceUrl: urlOf('postgres'),
    async prepareStart() {
      await prepareSocketFolder(socketFolder, await stat(folder));
      return serverCommand(
        await account(),
        binaries.postgres,
        folder,
        serverSettings(socketFolder, tuning),
      );
    },
  };
}

/** 192 bits, in letters that need no escaping in a URL or in SQL. */
function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

async function storePassword(file: string, password: string): Promise<string> {
  await writePrivateFile(file, `${password}\n`);
  return password;
}
