import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { chown, mkdtemp, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { joinEmbeddedPostgres } from '../../src/db/embedded/join.ts';
import { socketFolderOf } from '../../src/db/embedded/socket-folder.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { packageRoot } from '../../src/lib/package-root.ts';
import { killServersIn, postmasterOf, query, serversIn, until } from '../db/embedded/members.ts';

const BIN = join(packageRoot(), 'bin/run.js');
const log = createLogger({ level: 'silent' });

export interface Running {
  readonly pid: number;
  /** What it has written to standard error: its log. */
  log(): string;
  /** What it has written to standard output; only of what `start` started. */
  output(): string;
  /** Sends a signal and waits for the end; the exit code, null when the signal itself ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** The terminal's Ctrl-C: the signal goes to it and to all of its children. */
  interrupt(): Promise<number | null>;
}

export interface Serving extends Running {
  readonly url: string;
  readonly managementUrl: string;
}

/** A data folder of its own, with the processes that work on it as a user starts them. */
export interface Installation {
  readonly dataDir: string;
  /** Starts `authctl serve` on free ports and waits until it serves. */
  serve(...flags: string[]): Promise<Serving>;
  /** Starts a long-running command. */
  start(...args: string[]): Running;
  /** Runs a command to its end. @throws when it fails, with what it said */
  run(...args: string[]): Promise<string>;
  /** Its processes, wherever they come from: all that were given its data folder. */
  processes(): number[];
  /** Runs one statement on its database, as one more process that joins and leaves. */
  sql<Row = Record<string, unknown>>(text: string): Promise<Row[]>;
  /** Ends PostgreSQL: as a crash does, or as somebody does who stops it (SIGINT is fast, SIGQUIT at once). */
  killPostgres(signal?: 'SIGKILL' | 'SIGINT' | 'SIGQUIT'): void;
  /** Ends whatever is left of it and removes its folder. */
  remove(): Promise<void>;
}

interface InstallationOptions {
  /** The system's user who runs everything; whoever runs the tests when absent. */
  readonly as?: { readonly uid: number; readonly gid: number };
  /** The Node that starts the program; that of the tests when absent. */
  readonly node?: string;
  /** The size of a file system of its own, such as `160m`; see `canMakeDisk`. */
  readonly disk?: string;
  /** The file that makes whoever writes its id there one of a group; see `createMemoryLimit`. */
  readonly joinFile?: string;
}

/** A shell that joins a group, then becomes what it was asked to start. */
const JOIN_FIRST = ['sh', '-c', 'echo $$ > "$0" && exec "$@"'];

/** Only the administrator of a machine makes file systems; tried where nobody else sees it. */
export const canMakeDisk =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

/** @param env settings beside the data folder, in which nothing is limited */
export async function createInstallation(
  env: Record<string, string> = {},
  { as, node = process.execPath, disk, joinFile }: InstallationOptions = {},
): Promise<Installation> {
  const dataDir = await realpath(await mkdtemp('/tmp/authctl-process-'));
  if (disk) spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${disk},mode=0700`, 'tmpfs', dataDir]);
  if (as) await chown(dataDir, as.uid, as.gid);
  const children: ChildProcess[] = [];
  const { PATH = '', HOME = '' } = process.env;
  const environment = {
    PATH,
    HOME,
    AUTHCTL_DATA_DIR: dataDir,
    AUTHCTL_PORT: '0',
    AUTHCTL_MANAGEMENT_PORT: '0',
    AUTHCTL_LIMITS: 'off',
    ...env,
  };

  function spawnProgram(args: readonly string[]) {
    const words = [...(joinFile ? [...JOIN_FIRST, joinFile] : []), node, BIN, ...args];
    const child = spawn(words[0]!, words.slice(1), {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, as a shell gives every job.
      detached: true,
      ...as,
    });
    children.push(child);
    const text = { stdout: '', stderr: '' };
    child.stderr.on('data', (chunk) => {
      text.stderr += chunk;
    });
    const ended = once(child, 'close').then(([code]) => code as number | null);
    const running: Running = {
      pid: child.pid ?? 0,
      log: () => text.stderr,
      output: () => text.stdout,
      async end(signal) {
        child.kill(signal);
        return ended;
      },
      async interrupt() {
        process.kill(-running.pid, 'SIGINT');
        return ended;
      },
    };
    return { child, running, ended, text };
  }

  return {
    dataDir,
    async serve(...flags) {
      const { child, running, ended } = spawnProgram(['serve', ...flags]);
      const urls = await readUrls(child);
      if (urls) return { ...running, ...urls };
      throw new Error(`serve ended with ${await ended}: ${running.log()}`);
    },
    start(...args) {
      const { child, running, text } = spawnProgram(args);
      child.stdout.on('data', (chunk) => {
        text.stdout += chunk;
      });
      return running;
    },
    async run(...args) {
      const { child, running, ended } = spawnProgram(args);
      let stdout = '';
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
      });
      const code = await ended;
      if (code !== 0)
        throw new Error(`authctl ${args.join(' ')} ended with ${code}: ${running.log()}`);
      return stdout;
    },
    processes: () => processesWith(`AUTHCTL_DATA_DIR=${dataDir}`),
    async sql<Row>(text: string) {
      const postgres = await joinEmbeddedPostgres({ dataDir, log });
      try {
        return await query<Row>(postgres.connectionString, text);
      } finally {
        await postgres.leave();
      }
    },
    killPostgres(signal = 'SIGKILL') {
      process.kill(postmasterOf(dataDir), signal);
    },
    async remove() {
      const running = children.filter(
        (child) => child.exitCode === null && child.signalCode === null,
      );
      await Promise.all(running.map((child) => end(child)));
      killServersIn(dataDir);
      await until(() => serversIn(dataDir).length === 0);
      if (disk) spawnSync('umount', [dataDir]);
      await rm(dataDir, { recursive: true, maxRetries: 5 });
      await rm(socketFolderOf(dataDir), { recursive: true, force: true });
    },
  };
}

/** The addresses it prints when it serves; undefined when it ends without. */
async function readUrls({ stdout }: ChildProcess) {
  let url: string | undefined;
  for await (const line of createInterface({ input: stdout! })) {
    url ??= /^authctl serves (\S+)/.exec(line)?.[1];
    const managementUrl = /^management +(\S+)/.exec(line)?.[1];
    if (!url || !managementUrl) continue;
    stdout!.resume();
    return { url, managementUrl };
  }
  return undefined;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}

function processesWith(variable: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && environmentOf(pid).includes(variable));
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    // It has ended, or is somebody else's.
    return [];
  }
}
