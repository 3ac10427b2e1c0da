import { formatDuration } from '../../lib/duration.ts';
import type { BenchContext } from '../context.ts';
import type { BenchResult } from '../result.ts';
import type { Subject } from '../subject.ts';

type Measured = Pick<BenchResult, 'figures' | 'switchedOff' | 'notes' | 'runs' | 'charts'> & {
  readonly method: string;
  readonly options: BenchResult['options'];
};

/**
 * Completes a result with what every benchmark says: when, which version, on what. The last thing a
 * benchmark does, for it stops its appliance.
 */
export async function describe(
  context: BenchContext,
  benchmark: { readonly name: string; readonly title: string },
  subject: Pick<Subject, 'conclude'> & { readonly own?: unknown },
  startedAt: Date,
  measured: Measured,
): Promise<BenchResult> {
  const machine = await subject.conclude();
  const notes = [...measured.notes];
  if (!subject.own) notes.push(GIVEN_SUBJECT);
  if (machine.fileSystem === 'tmpfs') notes.push(ON_TMPFS);
  if (context.loadBefore > BUSY) notes.push(busyNote(context.loadBefore, machine.cores));
  const stolen = context.stolenShare();
  if (stolen > STOLEN) notes.push(stolenNote(stolen));
  return {
    ...measured,
    notes,
    name: benchmark.name,
    title: benchmark.title,
    version: context.version,
    startedAt: startedAt.toISOString(),
    machine,
  };
}

/** What `--url` leaves unknown. */
const GIVEN_SUBJECT =
  'Measured on an appliance that already ran: its settings, its processes and its database were out of reach, so what was switched off there is not listed.';
const ON_TMPFS =
  'The data folder is on tmpfs, where a durable commit costs nothing: choose another with --folder.';

/** More than a desktop's background noise. */
const BUSY = 0.5;

function busyNote(load: number, cores: number): string {
  return `Something else kept this machine busy before the run (load average ${load.toFixed(1)} on ${cores} cores): ratios mean more than figures here.`;
}

/** Below this a run on a virtual machine is as good as alone. */
const STOLEN = 0.01;

function stolenNote(share: number): string {
  return `The host of this virtual machine gave ${(share * 100).toFixed(0)} % of its CPU time to others meanwhile (steal): figures are too low, and a ratio favours whatever needs fewer cores at once.`;
}

/** The options a run was made with, as the report shows them. */
export function shownOptions(
  connections: number,
  durationMs: number,
  rest: BenchResult['options'] = {},
): BenchResult['options'] {
  return { connections, duration: formatDuration(durationMs), ...rest };
}

export const LIMITS_OFF = 'rate limits and mail budgets (AUTHCTL_LIMITS=off)';
export const WORKER_OFF = 'the worker (--no-worker): nothing is hardened meanwhile';
export const NO_VERIFICATION = 'e-mail verification, for the domain of the benchmark';
