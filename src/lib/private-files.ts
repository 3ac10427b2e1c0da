import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../errors.ts';
import { errorCode } from './error-code.ts';

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
      text: `The folder ${path} cannot be used (${errorCode(error)}).`,
      hint:
        errorCode(error) === 'EROFS'
          ? 'its file system is read-only: mount it for writing, or choose another folder'
          : 'run as the user who owns it, change its owner (chown -R), or choose another folder',
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
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** A new file while it is written. */
export interface UnfinishedFile {
  /** Appends. */
  write(bytes: Uint8Array): Promise<void>;
  /** Gives the file its name, once it is on the disk. @throws EEXIST where another has taken it */
  keep(): Promise<void>;
  /** Removes what was written, if it was not kept. */
  discard(): Promise<void>;
}

/**
 * Opens a new file that only its owner can read (mode 0600), for content that does not fit in memory.
 * It has its name when it is complete and on the disk, and never replaces another file. Until then it
 * lies in a folder of its own beside it, where nobody else can put a link in the way.
 * @throws where the folder does not exist or cannot be written
 */
export async function createPrivateFile(path: string): Promise<UnfinishedFile> {
  const folder = await mkdtemp(`${path}.unfinished-`);
  const unfinished = join(folder, 'content');
  const file = await open(unfinished, 'wx', 0o600);
  async function discard(): Promise<void> {
    await file.close();
    await rm(folder, { recursive: true, force: true });
  }
  return {
    write: (bytes) => file.appendFile(bytes),
    async keep() {
      await file.sync();
      // A rename replaces what is there. Taking the name first leaves only our own to be replaced, also
      // where hard links, which would do it in one step, are not to be had: FAT, SMB, buckets.
      await (await open(path, 'wx', 0o600)).close();
      await rename(unfinished, path).catch(async (error: unknown) => {
        await rm(path);
        throw error;
      });
      await syncFolder(dirname(path));
      await discard();
    },
    discard,
  };
}

/** Reads a text file; undefined where there is none. */
export async function readIfExists(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Makes the names in a folder durable: what was renamed or created there survives a power loss, where
 * the file system can promise that at all.
 */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync().catch((error: unknown) => {
      // Some network file systems know no sync of folders.
      if (errorCode(error) !== 'EINVAL') throw error;
    });
  } finally {
    await folder.close();
  }
}
