import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { chown, mkdtemp, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'pg';
import { socketFolderOf } from '../../../src/db/embedded/socket-folder.ts';
import { errorCode } from '../../../src/lib/error-code.ts';
import { packageRoot } from '../../../src/lib/package-root.ts';

const MEMBER = 'test/db/embedded/member.ts';
/** The unprivileged user that root's tests run as. */
export const NOBODY = { uid: 65_534, gid: 65_534 };
export const isRoot = process.getuid?.() === 0;
/** Root can start this checkout's programs as somebody else: not below a folder of mode 0700, as /root. */
export const isOpenToNobody =
  isRoot && spawnSync('test', ['-r', join(packageRoot(), MEMBER)], NOBODY).status === 0;

export interface Member {
  readonly process: ChildProcess;
  /** The next line it prints; rejects when it ends without one. */
  line(): Promise<string>;
  /** Sends a command and waits for `done`. */
  ask(command: 'ensure' | 'leave'): Promise<void>;
  kill(signal: NodeJS.Signals): Promise<void>;
}

const members: Member[] = [];
const folders: string[] = [];

/** A fresh folder in /tmp (mode 0700); its real path. */
export async function makeFolder(owner?: { uid: number; gid: number }): Promise<string> {
  const folder = await realpath(await mkdtemp('/tmp/authctl-embedded-test-'));
  if (owner) await chown(folder, owner.uid, owner.gid);
  folders.push(folder);
  return folder;
}

export interface MemberOptions {
  readonly uid?: number;
  readonly gid?: number;
  /** What runs it instead of plain Node: a shell line that ends with `"$@"`. */
  readonly through?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts a process that joins; it leads its own process group, as a shell's job does. */
export function startMember(dataDir: string, options: MemberOptions = {}): Member {
  const { through, env = {}, ...user } = options;
  const command = [process.execPath, join(packageRoot(), MEMBER), dataDir];
  const [file = '', ...args] = through ? ['/bin/sh', '-c', through, 'sh', ...command] : command;
  const child = spawn(file, args, {
    ...user,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const line = async () => {
    const next = await lines.next();
    if (next.done) throw new Error('the member has ended');
    return String(next.value);
  };
  const member: Member = {
    process: child,
    line,
    async ask(what) {
      child.stdin?.write(`${what}\n`);
      const answer = await line();
      if (answer !== 'done') throw new Error(answer);
      if (what === 'leave') await ended;
    },
    async kill(signal) {
      if (child.exitCode === null) child.kill(signal);
      await ended;
    },
  };
  members.push(member);
  return member;
}

/** Ends what a test left running, servers included, and removes its folders. */
export async function cleanUp(): Promise<void> {
  for (const member of members.splice(0)) await member.kill('SIGKILL');
  for (const folder of folders.splice(0)) {
    killServersIn(folder);
    await until(() => serversIn(folder).length === 0);
    await rm(folder, { recursive: true, maxRetries: 5 });
    await rm(socketFolderOf(folder), { recursive: true, force: true });
  }
}

/** Process ids of everything of PostgreSQL that works in a folder or under it. */
export function serversIn(folder: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && isServerIn(pid, folder));
}

function isServerIn(pid: number, folder: string): boolean {
  try {
    if (!/^(postgres|initdb)$/m.test(readFileSync(`/proc/${pid}/comm`, 'utf8'))) return false;
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
  } catch {
    return false;
  }
}

/** The process id in postmaster.pid. */
export function postmasterOf(dataDir: string): number {
  return Number.parseInt(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8'), 10);
}

export function socketOf(connectionString: string): string {
  const folder = new URLSearchParams(connectionString.split('?')[1]).get('host');
  return `${folder}/.s.PGSQL.5432`;
}

/** How often a server was started on a data folder. */
export function startsOf(dataDir: string): number {
  const log = readFileSync(join(dataDir, 'postgres.log'), 'utf8');
  return log.split('ready to accept connections').length - 1;
}

/** Runs one statement; the rows. */
export async function query<Row = Record<string, unknown>>(
  connectionString: string,
  sql: string,
): Promise<Row[]> {
  const client = new Client({ connectionString });
  // The server may be on its way down: what it did not answer fails the statement.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Waits for a condition, with a deadline. */
export async function until(condition: () => boolean, deadlineMs = 20_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Kills what is left of a folder's servers; one that was ending when it was looked at has ended meanwhile. */
export function killServersIn(folder: string): void {
  for (const pid of serversIn(folder))
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (errorCode(error) !== 'ESRCH') throw error;
    }
}
