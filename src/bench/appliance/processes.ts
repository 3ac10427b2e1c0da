import { readdirSync, readFileSync } from 'node:fs';
import { AppError } from '../../errors.ts';

/** Ticks a second of the times in /proc: the same on every Linux a person meets (USER_HZ). */
const TICKS_PER_SECOND = 100;
/** States of a process that only waits to be forgotten, proc(5): zombie, dead. */
const ENDED: readonly string[] = ['Z', 'X'];

/** What one process has used so far, as the kernel counts it. */
export interface ProcessUsage {
  readonly pid: number;
  readonly command: string;
  /** Seconds of CPU time since it started, user and system. */
  readonly cpuSeconds: number;
  /** Proportional set size: its own memory plus its share of what it shares. Null where not readable. */
  readonly pssBytes: number | null;
}

/**
 * Finds a process and all its descendants. Linux only; elsewhere there is no /proc and the answer is
 * empty.
 */
export function processTree(rootPid: number): number[] {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of listProcesses()) {
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = isAlive(rootPid) ? [rootPid] : [];
  for (const pid of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** Reads what each process uses; one that is gone meanwhile is left out. */
export function readUsage(pids: readonly number[]): ProcessUsage[] {
  return pids.flatMap((pid) => {
    const pssBytes = readPss(pid);
    // Afterwards: a process that is ending has no memory left to tell of, though it is still listed.
    const stat = readStat(pid);
    if (!stat || ENDED.includes(stat.state)) return [];
    const { command, cpuSeconds } = stat;
    return [{ pid, command, cpuSeconds, pssBytes }];
  });
}

/**
 * Reads the CPU seconds of a process's present threads, to the nanosecond: /proc/<pid>/stat counts
 * hundredths of a second, which is many requests.
 * @throws AppError `internal` where the system does not tell
 */
export function readCpuSeconds(pid: number): number {
  const threads = readIfAllowed(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  const nanoseconds = threads.flatMap((thread) => {
    const text = readIfAllowed(() => readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'));
    return text === undefined ? [] : [Number.parseInt(text, 10)];
  });
  if (nanoseconds.length > 0) return nanoseconds.reduce((sum, value) => sum + value, 0) / 1e9;
  throw new AppError('internal', {
    text: 'The CPU time of the threads cannot be read: this needs Linux and its /proc.',
  });
}

export function isAlive(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !ENDED.includes(stat.state);
}

function listProcesses(): { pid: number; parent: number }[] {
  const names = readIfAllowed(() => readdirSync('/proc')) ?? [];
  return names.flatMap((name) => {
    const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
    return stat ? [{ pid: Number(name), parent: stat.parent }] : [];
  });
}

/** `/proc/<pid>/stat`, proc(5): the command is in parentheses and may itself contain some. */
function readStat(pid: number) {
  const text = readIfAllowed(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return {
    command: text.slice(text.indexOf('(') + 1, end),
    state: fields[0] ?? '',
    parent: Number(fields[1]),
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
  };
}

function readPss(pid: number): number | null {
  const text = readIfAllowed(() => readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  const kib = /^Pss:\s+(\d+) kB$/m.exec(text ?? '')?.[1];
  return kib === undefined ? null : Number(kib) * 1_024;
}

/** A process may end between two looks, and another user's memory is not ours to read. */
function readIfAllowed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
