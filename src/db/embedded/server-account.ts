import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { AppError } from '../../errors.ts';
import { accountName } from '../../lib/os-user.ts';

/**
 * Who PostgreSQL's processes run as. It refuses to run as root, so root hands them to somebody else:
 *
 * - `self`: we are an ordinary user, and so is it.
 * - `user`: root drops to an ordinary user. The server then cannot read what is root's: the master
 *   key and every other secret. The data folder stays root's and 0700: the server is started *inside*
 *   its own folder and names it by `/proc/self/cwd`, so it needs no right to walk there.
 * - `namespace`: where that user cannot reach the programs (a checkout under a 0700 home), the server
 *   runs in a user namespace that shows root to it as an ordinary user. To the file system it is
 *   still root, without root's capabilities: weaker, so it comes second.
 */
export type ServerAccount =
  | { readonly kind: 'self'; readonly uid: number; readonly gid: number }
  | { readonly kind: 'user'; readonly uid: number; readonly gid: number }
  | {
      readonly kind: 'namespace';
      readonly uid: 0;
      readonly gid: 0;
      /** What root is seen as inside; `initdb` insists that it has a name there. */
      readonly inside: Identity;
    };

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface ServerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number };
}

/** Nothing of our environment: it may hold the master key, and /proc shows a process's environment. */
const ENVIRONMENT = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
  LC_ALL: 'C',
  TZ: 'UTC',
};
const PROBE_TIMEOUT_MS = 10_000;

/**
 * Chooses who runs PostgreSQL on a data folder, by trying.
 * @param folder PostgreSQL's data folder, or the empty one that becomes it
 * @param owner who owns its content; undefined while it is empty
 * @throws `config_invalid` when nobody can run it here
 */
export function chooseServerAccount(
  postgres: string,
  folder: string,
  owner: Identity | undefined,
): ServerAccount {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (own.uid !== 0) {
    if (owner && owner.uid !== own.uid) throw foreignFolder(folder, owner.uid);
    // initdb insists on a name; the server itself does not.
    if (!owner && accountName() === undefined) throw nameless(own.uid);
    return { kind: 'self', ...own };
  }
  const failures: string[] = [];
  for (const account of candidates(owner)) {
    const failure = probe(account, postgres, folder);
    if (failure === undefined) return account;
    failures.push(`${account.kind}: ${failure}`);
  }
  throw new AppError('config_invalid', {
    text: `PostgreSQL refuses to run as root, and nobody else can run it on ${folder}.`,
    hint: `run authctl as an ordinary user; or install it where other users can reach it (/opt, /srv)${
      owner ? ` and chown -R ${owner.uid === 0 ? 'postgres' : 'root'} ${folder}` : ''
    }; or set AUTHCTL_DATABASE_URL. Tried: ${failures.join('; ')}`,
  });
}

/** The command that runs one of PostgreSQL's programs on a data folder as an account. */
export function serverCommand(
  account: ServerAccount,
  program: string,
  folder: string,
  args: readonly string[],
): ServerCommand {
  const options = { cwd: folder, env: { ...ENVIRONMENT, PGDATA: folder } };
  switch (account.kind) {
    case 'self':
      return { file: program, args, options };
    case 'user': {
      const env = { ...ENVIRONMENT, PGDATA: '/proc/self/cwd' };
      const { uid, gid } = account;
      return { file: program, args, options: { ...options, env, uid, gid } };
    }
    case 'namespace': {
      const { uid, gid } = account.inside;
      const enter = ['--user', `--map-user=${uid}`, `--map-group=${gid}`, '--', program];
      return { file: 'unshare', args: [...enter, ...args], options };
    }
  }
}

/** In order of preference. Files that exist do not change hands: their owner runs the server. */
function candidates(owner: Identity | undefined): ServerAccount[] {
  if (owner && owner.uid !== 0) return [{ kind: 'user', uid: owner.uid, gid: owner.gid }];
  const users = ['postgres', 'nobody'].map(findUser).filter((user) => user !== undefined);
  const inside = users[0] ?? { uid: 65_534, gid: 65_534 };
  const namespace: ServerAccount = { kind: 'namespace', uid: 0, gid: 0, inside };
  if (owner) return [namespace];
  return [...users.map((user): ServerAccount => ({ kind: 'user', ...user })), namespace];
}

function findUser(name: string): Identity | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = (line ?? '').split(':').map(Number);
  return uid && gid && uid > 0 ? { uid, gid } : undefined;
}

/** Why an account cannot run PostgreSQL on a folder; undefined when it can. */
function probe(account: ServerAccount, postgres: string, folder: string): string | undefined {
  const { file, args, options } = serverCommand(account, postgres, folder, ['--version']);
  const result = spawnSync(file, args, { ...options, timeout: PROBE_TIMEOUT_MS });
  if (result.error) return result.error.message;
  return result.status === 0 ? undefined : String(result.stderr).trim();
}

function foreignFolder(folder: string, uid: number): AppError {
  return new AppError('config_invalid', {
    text: `The folder ${folder} belongs to another user (uid ${uid}).`,
    hint: 'run as that user, or change its owner (chown -R)',
  });
}

function nameless(uid: number): AppError {
  return new AppError('config_invalid', {
    text: `PostgreSQL makes no database for user id ${uid}, which no account has.`,
    hint: 'run as a user of /etc/passwd (in the container image: 10001), or set AUTHCTL_DATABASE_URL',
  });
}
