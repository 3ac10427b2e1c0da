import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';

export interface ArchiveLimits {
  /** Archives kept, the newest first. */
  readonly maxFiles: number;
  /** Archives kept at most this long; 0 for any time. */
  readonly maxAgeMs: number;
}

/** A log file that was set aside, as it is or compressed. */
interface Archive {
  readonly path: string;
  readonly setAsideMs: number;
  readonly isCompressed: boolean;
}

/**
 * A writer looks at the path before each write and once a second, and has left a file that was set
 * aside by then; ten times that is waited before the file is taken for complete.
 */
const SETTLED_AFTER_MS = 10_000;
/** A compression writes all the time: a part that nobody has touched for so long is a dead process's. */
const DEAD_AFTER_MS = 60_000;
/** `.20261122T235959999Z` behind the log file's name: sorts by time, and nobody else writes such names. */
const STAMP = /^\.(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z(\.gz)?$/;

/** The name under which a log file is set aside at a time (UTC). */
export function archivePath(logFile: string, at: Date): string {
  return `${logFile}.${at.toISOString().replaceAll(/[-:.]/g, '')}`;
}

/**
 * Compresses what was set aside and removes what is too old or too much. Any number of processes may
 * do it at once. Only files with a name that `archivePath` makes for this log file are ever touched.
 * @param settledAfterMs how long after its renaming a file is compressed
 */
export async function tidyArchives(
  logFile: string,
  limits: ArchiveLimits,
  now: Date,
  settledAfterMs = SETTLED_AFTER_MS,
): Promise<void> {
  const archives = await findArchives(logFile);
  const kept = new Set(
    [...new Set(archives.map(setAsideMs))].sort(newestFirst).slice(0, limits.maxFiles),
  );
  for (const archive of archives) {
    const ageMs = now.getTime() - archive.setAsideMs;
    const isTooOld = limits.maxAgeMs > 0 && ageMs > limits.maxAgeMs;
    if (isTooOld || !kept.has(archive.setAsideMs)) await unlinkIfExists(archive.path);
    else if (!archive.isCompressed && ageMs > settledAfterMs) await compress(archive.path, now);
  }
}

async function findArchives(logFile: string): Promise<Archive[]> {
  const folder = dirname(logFile);
  const name = basename(logFile);
  const files = (await readdir(folder)).filter((file) => file.startsWith(name));
  return files.flatMap((file) => {
    const match = STAMP.exec(file.slice(name.length));
    if (!match) return [];
    const [, year, month, day, hour, minute, second, ms, suffix] = match;
    const time = `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`;
    const path = join(folder, file);
    return [{ path, setAsideMs: Date.parse(time), isCompressed: suffix !== undefined }];
  });
}

/**
 * Replaces a file by its compressed form, once that is whole and on the disk. The unfinished form is
 * the lock: a second process that wants to compress the same file finds it and leaves.
 */
async function compress(path: string, now: Date): Promise<void> {
  const unfinished = `${path}.gz.part`;
  if (!(await createNew(unfinished))) return removeDead(unfinished, now);
  try {
    const source = createReadStream(path);
    const gzip = createGzip({ level: constants.Z_BEST_SPEED });
    await pipeline(source, gzip, createWriteStream(unfinished, { flags: 'r+', flush: true }));
    // Somebody wrote to it after all: it is not complete, the next round begins anew.
    if (source.bytesRead !== (await stat(path)).size) return await unlinkIfExists(unfinished);
    await rename(unfinished, `${path}.gz`);
    await unlinkIfExists(path);
  } catch {
    // The disk is full, or another process has removed the file as one too many.
    await unlinkIfExists(unfinished);
  }
}

async function createNew(path: string): Promise<boolean> {
  try {
    await writeFile(path, '', { flag: 'wx', mode: 0o640 });
    return true;
  } catch {
    return false;
  }
}

async function removeDead(path: string, now: Date): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && now.getTime() - found.mtimeMs > DEAD_AFTER_MS) await unlinkIfExists(path);
}

async function unlinkIfExists(path: string): Promise<void> {
  // Gone already, or not ours to remove any more: the next round looks again.
  await unlink(path).catch(() => undefined);
}

function setAsideMs(archive: Archive): number {
  return archive.setAsideMs;
}

function newestFirst(a: number, b: number): number {
  return b - a;
}
