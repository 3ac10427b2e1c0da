import { chown, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import { readIfExists, writePrivateFile } from '../../lib/private-files.ts';
import { tryLock } from './file-lock.ts';

/** Of the machine's first process (PROC_PID_INIT_INO in Linux's proc_ns.h); a container has another. */
const INITIAL_NAMESPACE = 'pid:[4026531836]';
const SERVER_PID_FILE = 'postgres/postmaster.pid';

/**
 * Makes sure that everybody who uses a data folder can see its server: two containers that mount one
 * volume cannot see each other's processes. PostgreSQL takes the other one's server for crashed, a
 * second starts on the same files, and soon none starts on them any more.
 *
 * `run/territory` names whose processes the present users see. Who sees others is let in once none of
 * those is left: the kernel holds their locks across containers, and ends the server with its container.
 * The caller holds the start lock.
 * @throws `dependency_unreachable` while somebody uses the folder whom we cannot see
 */
export async function claimTerritory(dataDir: string, presenceFile: string): Promise<void> {
  const folder = join(dataDir, 'run');
  const file = join(folder, 'territory');
  const ours = await visibleProcesses();
  const theirs = (await readIfExists(file))?.trim();
  if (ours === undefined || theirs === ours) return;
  if (theirs !== undefined) {
    const alone = tryLock(presenceFile, 'exclusive');
    if (!alone) throw inUseElsewhere(dataDir);
    alone.release();
    // What the machine itself started outlives whoever started it: a server may be left of it.
    const isOfTheHost = theirs.endsWith(INITIAL_NAMESPACE) && isSameMachine(theirs, ours);
    if (isOfTheHost && (await readIfExists(join(dataDir, SERVER_PID_FILE))) !== undefined)
      throw leftOnTheHost(dataDir);
  }
  await writePrivateFile(file, `${ours}\n`);
  // Root may be the first of a day, and must not shut out whose folder it is.
  const owner = await stat(folder);
  if (process.getuid?.() === 0) await chown(file, owner.uid, owner.gid);
}

function isSameMachine(theirs: string, ours: string): boolean {
  return theirs.split(' ')[0] === ours.split(' ')[0];
}

/** The machine since its last start, and the namespace of processes on it; only Linux has these. */
async function visibleProcesses(): Promise<string | undefined> {
  // A kernel that has no such namespaces shows everybody to everybody, and sandboxes do not name the machine.
  const namespace = await readlink('/proc/self/ns/pid').catch(() => undefined);
  const machine = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return namespace && `${machine.trim()} ${namespace}`;
}

function leftOnTheHost(dataDir: string): AppError {
  return new AppError('dependency_unreachable', {
    text: `A PostgreSQL that an authctl outside of this container has started may still use ${dataDir}.`,
    hint: 'run any authctl command there, such as `authctl status`: it stops it when it ends',
  });
}

function inUseElsewhere(dataDir: string): AppError {
  return new AppError('dependency_unreachable', {
    text: `The data folder ${dataDir} is in use by an authctl in another container.`,
    hint: 'run the command in that container (docker exec, kubectl exec), or stop it first',
  });
}
