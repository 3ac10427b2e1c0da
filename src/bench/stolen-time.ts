import { readFileSync } from 'node:fs';

/** CPU time of all cores since the machine started, in clock ticks. */
export interface CpuTime {
  readonly total: number;
  /** Time in which a virtual machine wanted to run and its host ran another. */
  readonly stolen: number;
}

const COUNTERS = '/proc/stat';
/** Fields of the first line (proc(5)): user nice system idle iowait irq softirq steal. */
const FIELDS = 8;

/** @returns null where the system does not count it (anything but Linux) */
export function readCpuTime(file = COUNTERS): CpuTime | null {
  try {
    return parseCpuTime(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/** @returns null for text of another form */
export function parseCpuTime(text: string): CpuTime | null {
  const line = /^cpu +(\d[\d ]*)$/m.exec(text)?.[1];
  const ticks = line?.trim().split(' ').slice(0, FIELDS).map(Number);
  const stolen = ticks?.[FIELDS - 1];
  if (!ticks || stolen === undefined) return null;
  return { total: ticks.reduce((sum, value) => sum + value, 0), stolen };
}

/** The stolen share of the time between two readings, 0 to 1; 0 where it is not counted. */
export function stolenShare(before: CpuTime | null, after: CpuTime | null): number {
  if (!before || !after || after.total <= before.total) return 0;
  return (after.stolen - before.stolen) / (after.total - before.total);
}
