import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../lib/error-code.ts';
import { readIfExists } from '../../lib/private-files.ts';
import { SOCKET_PORT } from './server-settings.ts';

/**
 * Finds the process id of the server that runs on a data folder.
 *
 * `postmaster.pid` alone proves nothing: after a crash the number may belong to any process, and
 * PostgreSQL then refuses to start. The process itself is looked at.
 * @param socketFolder named on the server's command line, and by no other server's
 */
export async function findPostmaster(
  folder: string,
  socketFolder: string,
): Promise<number | undefined> {
  const pid = await readPid(pidFile(folder));
  return pid !== undefined && isPostmaster(pid, folder, socketFolder) ? pid : undefined;
}

/** Whether a process is the server of a data folder; a zombie is not. */
export function isPostmaster(pid: number, folder: string, socketFolder: string): boolean {
  if (process.platform !== 'linux') {
    const command = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
    return command.stdout.includes(socketFolder);
  }
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'postgres') return false;
    // By inode, not by name: a mount may show the folder elsewhere to that process.
    const [there, here] = [statSync(`/proc/${pid}/cwd`), statSync(folder)];
    return there.ino === here.ino && there.dev === here.dev;
  } catch {
    // It is gone, or belongs to a user who is not the owner of this data folder.
    return false;
  }
}

/**
 * Whether the process of a server that replays its log is at work. Where that cannot be seen it is taken
 * to be: it may need minutes, and must not be disturbed.
 */
export function isReplaying(pid: number): boolean {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children
      .split(' ')
      .some((child) => child && readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('startup'));
  } catch {
    return true;
  }
}

/**
 * Removes the server's pid files whose number is a process that lives but is not the server: it would
 * refuse to start. One whose process is gone stays, because PostgreSQL replaces it after looking for
 * survivors of that server.
 */
export async function removeRecycledPids(folder: string, socketFolder: string): Promise<void> {
  const files = [pidFile(folder), join(socketFolder, `.s.PGSQL.${SOCKET_PORT}.lock`)];
  for (const file of files) {
    const pid = await readPid(file);
    if (pid !== undefined && isAlive(pid) && !isPostmaster(pid, folder, socketFolder))
      await rm(file, { force: true });
  }
}

function pidFile(folder: string): string {
  return join(folder, 'postmaster.pid');
}

async function readPid(file: string): Promise<number | undefined> {
  const pid = Number.parseInt((await readIfExists(file)) ?? '', 10);
  return pid > 0 ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
