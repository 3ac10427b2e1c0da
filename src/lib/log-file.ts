import { close, fstat, fstatSync, open, write, writeSync } from 'node:fs';
import { open as openHandle, rename, stat, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemClock } from './clock.ts';
import { exists } from './exists.ts';
import { type ArchiveLimits, archivePath, tidyArchives } from './log-archives.ts';

export interface RotationLimits extends ArchiveLimits {
  /** A file that would grow beyond this is set aside; 0 never does. */
  readonly maxBytes: number;
}

export interface LogFileOptions extends RotationLimits {
  /** Open for appending. */
  readonly fd: number;
  /** Where that file is; no symbolic link. */
  readonly path: string;
  /** Bytes that may wait for being written; later lines are dropped. */
  readonly maxWaitingBytes: number;
  readonly losses: LineLosses;
  /** For tests: how often archives are looked after, and how old one is then at least. */
  readonly tidyEveryMs?: number;
  readonly settledAfterMs?: number;
}

/** Learns what becomes of lines. */
export interface LineLosses {
  /** A line was dropped. */
  dropped(): void;
  /** Lines can be written (again). */
  written(): void;
}

/** What pino writes to. */
export interface LogFile {
  /** Takes one line, its end included; never waits and never throws. */
  write(line: string): void;
  /** Writes what waits, unless the last write failed. */
  flushSync(): void;
}

/** One write: whole lines, appended by the kernel in one piece whoever else appends. */
const WRITE_BYTES = 65_536;
const CHECK_EVERY_MS = 1_000;
const TIDY_EVERY_MS = 30_000;
/** Renaming takes a moment: a lock this old is a dead process's. */
const DEAD_LOCK_MS = 10_000;
const NEWLINE = 0x0a;

const fstatOf = promisify(fstat);
const writeTo = promisify(write);
const openFile = promisify(open);
const closeFile = promisify(close);

/**
 * A log file that any number of processes append to and that any of them sets aside when it is full;
 * `logrotate` may do that too. No process counts bytes or holds a lock to write: before each write it
 * looks at the path, whose size is that of all writers together, and opens it anew where it has
 * become another file. A rotation renames, so that lines under way are in the renamed file.
 */
export function createLogFile(options: LogFileOptions): LogFile {
  const { path, maxBytes, maxWaitingBytes, losses } = options;
  let { fd } = options;
  let identity = fstatSync(fd);
  const waiting: Buffer[] = [];
  let waitingBytes = 0;
  let isPumping = false;
  let isFailing = false;
  let writing: Promise<void> = Promise.resolve();

  async function pump(): Promise<void> {
    if (isPumping) return;
    isPumping = true;
    try {
      while (waiting.length > 0) {
        writing = writeSome();
        await writing;
      }
      isFailing = false;
      losses.written();
    } catch {
      // A full disk, most likely. What waits is bounded, and tried again with the next check.
      isFailing = true;
    } finally {
      isPumping = false;
    }
  }

  async function writeSome(): Promise<void> {
    await followPath(waiting[0]?.length ?? 0);
    const chunk = take(WRITE_BYTES);
    let written = 0;
    try {
      written = (await writeTo(fd, chunk)).bytesWritten;
      // This process slept until the file was compressed: rather a line twice than one that nobody reads.
      if ((await fstatOf(fd)).nlink === 0) written = 0;
    } finally {
      putBack(rest(chunk, written));
    }
  }

  /** Makes sure that what is open is the file at the path, with room for what comes. */
  async function followPath(bytes: number): Promise<void> {
    const found = await stat(path).catch(() => undefined);
    const isOurs = found?.ino === identity.ino && found.dev === identity.dev;
    if (isOurs && !isFull(found.size, bytes)) return;
    // Where that cannot be done (a folder that may not be written) the file just grows.
    if (isOurs && !(await setAside(bytes).catch(() => false))) return;
    const former = fd;
    fd = await openFile(path, 'a', 0o640);
    identity = await fstatOf(fd);
    await closeFile(former);
  }

  function isFull(size: number, bytes: number): boolean {
    return maxBytes > 0 && size > 0 && size + bytes > maxBytes;
  }

  /** Renames the file, in one process at a time: whoever comes second sees the new one. */
  async function setAside(bytes: number): Promise<boolean> {
    const lock = `${path}.rotating`;
    if (!(await acquire(lock))) return false;
    try {
      const found = await stat(path);
      if (isFull(found.size, bytes)) await rename(path, await freeArchivePath(path));
      return true;
    } finally {
      await unlink(lock);
    }
  }

  function take(atMost: number): Buffer {
    let bytes = 0;
    const end = waiting.findIndex((line, index) => {
      bytes += line.length;
      return index > 0 && bytes > atMost;
    });
    const lines = waiting.splice(0, end === -1 ? waiting.length : end);
    const chunk = Buffer.concat(lines);
    waitingBytes -= chunk.length;
    return chunk;
  }

  function putBack(chunk: Buffer): void {
    if (chunk.length === 0) return;
    waiting.unshift(chunk);
    waitingBytes += chunk.length;
  }

  let sinceTidyMs = Number.POSITIVE_INFINITY;
  async function check(): Promise<void> {
    sinceTidyMs += CHECK_EVERY_MS;
    if (waiting.length > 0) void pump();
    // Holding on to a file that was removed would hold its space.
    else if (!isPumping) await pumpNothing();
    if (maxBytes === 0 || sinceTidyMs < (options.tidyEveryMs ?? TIDY_EVERY_MS)) return;
    sinceTidyMs = 0;
    // After a sleep the write under way may be to a file that is an archive by now.
    await writing.catch(() => undefined);
    await tidyArchives(path, options, systemClock.now(), options.settledAfterMs);
  }

  async function pumpNothing(): Promise<void> {
    isPumping = true;
    await followPath(0).finally(() => {
      isPumping = false;
    });
    if (waiting.length > 0) void pump();
  }

  const timer = setInterval(() => void check().catch(() => undefined), CHECK_EVERY_MS);
  timer.unref();

  function flushSync(): void {
    try {
      while (waiting.length > 0 && !isFailing) {
        const chunk = take(Number.POSITIVE_INFINITY);
        putBack(rest(chunk, writeSync(fd, chunk)));
      }
    } catch {
      // It would try again until there is room, at the end of the process for ever.
      isFailing = true;
    }
  }
  process.once('exit', flushSync);

  return {
    write(line) {
      const bytes = Buffer.from(line);
      if (waitingBytes + bytes.length > maxWaitingBytes) return losses.dropped();
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (!isFailing) void pump();
    },
    flushSync,
  };
}

/** What is still to be written: a line that was cut is written again, whole, on a line of its own. */
function rest(chunk: Buffer, written: number): Buffer {
  if (written === 0 || chunk[written - 1] === NEWLINE) return chunk.subarray(written);
  const start = chunk.lastIndexOf(NEWLINE, written - 1) + 1;
  return Buffer.concat([Buffer.of(NEWLINE), chunk.subarray(start)]);
}

async function acquire(lock: string): Promise<boolean> {
  try {
    const handle = await openHandle(lock, 'wx', 0o640);
    await handle.close();
    return true;
  } catch {
    const found = await stat(lock).catch(() => undefined);
    const ageMs = found ? systemClock.now().getTime() - found.mtimeMs : 0;
    // An empty file is a lock; anything else of that name is not ours.
    if (found?.size === 0 && ageMs > DEAD_LOCK_MS) await unlink(lock).catch(() => undefined);
    return false;
  }
}

/** Renaming replaces what is there: never an archive, though the clock may have been set back. */
async function freeArchivePath(path: string): Promise<string> {
  for (let ms = systemClock.now().getTime(); ; ms += 1) {
    const candidate = archivePath(path, new Date(ms));
    const names = [candidate, `${candidate}.gz`, `${candidate}.gz.part`];
    const found = await Promise.all(names.map(exists));
    if (!found.includes(true)) return candidate;
  }
}
