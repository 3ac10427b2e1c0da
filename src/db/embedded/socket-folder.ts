import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, rmdir } from 'node:fs/promises';
import { AppError } from '../../errors.ts';
import { errorCode } from '../../lib/error-code.ts';
import type { Identity } from './server-account.ts';

/**
 * Names the folder of a server's socket: short, because a socket's path is limited to 107 bytes and
 * a data folder's is not.
 *
 * It depends on the data folder alone, so that every process finds the same one. That rules out
 * $TMPDIR and $XDG_RUNTIME_DIR: a service, a login and `sudo` see different ones, and the latter is
 * deleted at log-out.
 * @param dataDir real path of the data folder
 */
export function socketFolderOf(dataDir: string): string {
  const digest = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return `/tmp/authctl-${digest}`;
}

/**
 * Makes the socket's folder, which only the server's user may enter (mode 0700), before anybody
 * connects there.
 * @throws `config_invalid` where it cannot be made, and where the name is taken by anything else: in
 * /tmp anybody may take it first, and could put a server of his own there that asks us for the password
 */
export async function prepareSocketFolder(path: string, owner: Identity): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch((error: unknown) => {
    if (errorCode(error) !== 'EEXIST') throw unwritable(path, error);
  });
  const found = await lstat(path);
  const isPrivate = found.isDirectory() && (found.mode & 0o077) === 0;
  // Root made it, just now or before a crash, and has yet to hand it over.
  const isOwn = found.uid === owner.uid || (found.uid === 0 && process.getuid?.() === 0);
  if (!isPrivate || !isOwn) throw takenFolder(path);
  if (found.uid !== owner.uid) await chown(path, owner.uid, owner.gid);
}

/** Removes the folder once its server has stopped; what else is in it stays. */
export async function removeSocketFolder(path: string): Promise<void> {
  // Not empty or already gone: tidiness only, so neither is worth failing a shutdown.
  await rmdir(path).catch(() => undefined);
}

function takenFolder(path: string): AppError {
  return new AppError('config_invalid', {
    text: `The folder ${path}, for PostgreSQL's socket, belongs to somebody else or is open to others.`,
    hint: `find out who made it (ls -ld ${path}), then remove it`,
  });
}

function unwritable(path: string, cause: unknown): AppError {
  return new AppError('config_invalid', {
    text: `The folder ${path}, for PostgreSQL's socket, cannot be made.`,
    hint: 'make /tmp writable (where the root is read-only, mount a tmpfs there), or set AUTHCTL_DATABASE_URL',
    cause,
  });
}
