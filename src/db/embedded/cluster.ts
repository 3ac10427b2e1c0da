import { chown, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../errors.ts';
import { readIfExists, syncFolder, writePrivateFile } from '../../lib/private-files.ts';
import type { Binaries } from './binaries.ts';
import { runProgram } from './run-program.ts';
import { chooseServerAccount, type ServerAccount, serverCommand } from './server-account.ts';

/** The role and the database the product works with. */
export const ROLE = 'authctl';
export const DATABASE = 'authctl';
/**
 * How commands log in. PostgreSQL keeps connections for it (`reserved_connections`), so that an
 * operator gets in when API and workers hold all others. It acts as the role above: what it makes is
 * owned by that one.
 */
export const COMMAND_ROLE = 'authctl_command';

const ACCESS_FILE = 'pg_hba.conf';
/** The only way in: our own roles, by password, through the socket. The superuser has none at all. */
const ACCESS_RULES = `# Written by authctl. Nobody logs in as the superuser; single-user mode is for repairs.
# TYPE  DATABASE  USER  METHOD
${[ROLE, COMMAND_ROLE].map(accessRule).join('')}`;

const UNFINISHED = '.new-';

/**
 * Whether PostgreSQL's data folder exists.
 * @throws `config_invalid` when another major version made it
 */
export async function hasCluster(binaries: Binaries, folder: string): Promise<boolean> {
  const found = await readIfExists(join(folder, 'PG_VERSION'));
  if (found === undefined) return false;
  if (found.trim() === binaries.majorVersion) return true;
  throw new AppError('config_invalid', {
    text: `${folder} was made by PostgreSQL ${found.trim()}; this release brings ${binaries.majorVersion}.`,
    hint: 'run the release that made it; docs/operations.md says how to move its database',
  });
}

/**
 * Makes PostgreSQL's data folder, complete: role, database, access rules.
 *
 * It is made beside its place, made durable, then renamed, so that a crash half way leaves nothing
 * that looks finished; leftovers go at the next try. The caller holds the start lock.
 * @param password of the roles; letters, digits, `-` and `_`
 * @throws `config_invalid` when something else is in its place, `forbidden` when the disk is full
 */
export async function makeCluster(
  binaries: Binaries,
  folder: string,
  password: string,
): Promise<void> {
  await removeLeftovers(folder);
  const unfinished = await mkdtemp(`${folder}${UNFINISHED}`);
  const account = chooseServerAccount(binaries.postgres, unfinished, undefined);
  await chown(unfinished, account.uid, account.gid);
  await initialise(binaries, account, unfinished, password).catch((cause: unknown) => {
    throw isOutOfRoom(cause) ? noRoom(dirname(folder), cause) : cause;
  });
  await rename(unfinished, folder).catch((cause: unknown) => {
    throw new AppError('config_invalid', {
      text: `${folder} exists, but is no PostgreSQL data folder.`,
      hint: 'move it away, or choose another data folder',
      cause,
    });
  });
  await syncFolder(dirname(folder));
}

/** Whether commands have their role: they have none in a folder of a release before it. */
export async function hasCommandRole(folder: string): Promise<boolean> {
  const rules = await readIfExists(join(folder, ACCESS_FILE));
  return rules?.includes(COMMAND_ROLE) ?? false;
}

/**
 * Gives commands their role in a folder that was made before they had one, while the server does not
 * run. The access rule comes last, whole or not at all: it is what says that the role is there.
 */
export async function addCommandRole(
  binaries: Binaries,
  account: ServerAccount,
  folder: string,
  password: string,
): Promise<void> {
  await runProgram(singleUser(binaries, account, folder), toLines(commandRole(password)));
  const file = join(folder, ACCESS_FILE);
  const unfinished = `${file}${UNFINISHED}`;
  const rules = `${await readFile(file, 'utf8')}${accessRule(COMMAND_ROLE)}`;
  await writePrivateFile(unfinished, rules);
  await chown(unfinished, account.uid, account.gid);
  await rename(unfinished, file);
  await syncFolder(folder);
}

/** Gives the roles a new password while the server does not run. */
export async function resetPassword(
  binaries: Binaries,
  account: ServerAccount,
  folder: string,
  password: string,
): Promise<void> {
  const statements = [`ALTER ROLE ${ROLE} PASSWORD '${password}'`, ...commandRole(password)];
  await runProgram(singleUser(binaries, account, folder), toLines(statements));
}

async function initialise(
  binaries: Binaries,
  account: ServerAccount,
  folder: string,
  password: string,
): Promise<void> {
  const run = (args: string[]) => runProgram(serverCommand(account, binaries.initdb, folder, args));
  await run([
    '--username=postgres',
    '--auth=reject',
    '--encoding=UTF8',
    '--no-locale',
    '--data-checksums',
    '--no-instructions',
    '--no-sync',
  ]);
  await writeFile(join(folder, ACCESS_FILE), ACCESS_RULES);
  const statements = [
    `CREATE ROLE ${ROLE} LOGIN CREATEDB PASSWORD '${password}'`,
    ...commandRole(password),
    `CREATE DATABASE ${DATABASE} OWNER ${ROLE}`,
  ];
  await runProgram(singleUser(binaries, account, folder), toLines(statements));
  await run(['--sync-only']);
}

/** Makes the role of commands, or gives the one that is there the password. */
function commandRole(password: string): string[] {
  return [
    `DO $$ BEGIN IF to_regrole('${COMMAND_ROLE}') IS NULL THEN CREATE ROLE ${COMMAND_ROLE}; END IF; END $$`,
    `ALTER ROLE ${COMMAND_ROLE} LOGIN PASSWORD '${password}'`,
    `GRANT ${ROLE}, pg_use_reserved_connections TO ${COMMAND_ROLE}`,
    `ALTER ROLE ${COMMAND_ROLE} SET role = ${ROLE}`,
  ];
}

function accessRule(role: string): string {
  return `local   all       ${role}  scram-sha-256\n`;
}

function toLines(statements: readonly string[]): string {
  return statements.map((sql) => `${sql}\n`).join('');
}

/** PostgreSQL's programs, which run in the C locale, say it in these words. */
function isOutOfRoom(error: unknown): boolean {
  return (
    error instanceof Error && /No space left on device|Disk quota exceeded/.test(error.message)
  );
}

function noRoom(parent: string, cause: unknown): AppError {
  return new AppError('forbidden', {
    text: `There is no room for a database in ${parent}.`,
    hint: 'make room, 100 MB to begin with, or choose another data folder (--data-dir)',
    cause,
  });
}

/** One statement a line on standard input; the first that fails ends it, and none is ever logged. */
function singleUser(binaries: Binaries, account: ServerAccount, folder: string) {
  const settings = ['exit_on_error=on', 'log_min_error_statement=panic', 'log_checkpoints=off'];
  const args = ['--single', ...settings.flatMap((setting) => ['-c', setting]), 'postgres'];
  return serverCommand(account, binaries.postgres, folder, args);
}

/** What a crashed first start left. Its `initdb` may live on, so a folder is never used twice. */
async function removeLeftovers(folder: string): Promise<void> {
  const parent = dirname(folder);
  for (const name of await readdir(parent)) {
    if (name.startsWith(`${basename(folder)}${UNFINISHED}`))
      await rm(join(parent, name), { recursive: true, maxRetries: 5 });
  }
}
