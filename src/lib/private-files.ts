import { createWriteStream } from 'node:fs';
import { chmod, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { AppError } from '../errors.ts';

const OTHERS = 0o077;

/**
 * Makes sure that a folder exists and that only its owner can enter it (mode 0700).
 *
 * One that stands open is closed only while it is empty: a mistyped setting such as `/var` must not
 * lock a machine's services out of their own files.
 * @throws `config_invalid` when the folder cannot be made, entered or safely closed
 */
export async function ensurePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const { mode } = await stat(path);
    if ((mode & OTHERS) === 0) return;
    if ((await readdir(path)).length > 0) {
      throw new AppError('config_invalid', {
        text: `The folder ${path} holds files and is open to other users.`,
        hint: `chmod 700 ${path}, or choose an empty folder`,
      });
    }
    await chmod(path, 0o700);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('config_invalid', {
      text: `The folder ${path} cannot be used.`,
      hint: 'run as the user who owns it, change its owner (chown -R), or choose another folder',
      cause: error,
    });
  }
}

/**
 * Writes a file that only its owner can read (mode 0600), whole or not at all, also when the machine
 * loses power half way: temporary file, fsync, rename, fsync of the folder.
 */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const unfinished = `${path}.tmp-${process.pid}`;
  const file = await open(unfinished, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
  await syncFolder(dirname(path));
}

/** A new file while it is written. */
export interface UnfinishedFile {
  readonly stream: Writable;
  /** Gives the finished stream's file its name. @throws EEXIST where another has taken it */
  keep(): Promise<void>;
  /** Removes what was written, if it was not kept. */
  discard(): Promise<void>;
}

/**
 * Opens a new file that only its owner can read (mode 0600), for content that does not fit in memory.
 * It has its name when it is complete and on the disk, and never replaces another file.
 * @throws where the folder does not exist or cannot be written
 */
export async function createPrivateFile(path: string): Promise<UnfinishedFile> {
  const unfinished = `${path}.tmp-${process.pid}`;
  const file = await open(unfinished, 'w', 0o600);
  return {
    // Synced when it closes; the descriptor is the stream's from here on.
    stream: createWriteStream(unfinished, { fd: file, flush: true }),
    async keep() {
      await link(unfinished, path);
      await rm(unfinished);
      await syncFolder(dirname(path));
    },
    discard: () => rm(unfinished, { force: true }),
  };
}

/** Reads a text file; undefined where there is none. */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes the names in a folder durable: what was renamed or created there survives a power loss. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
