import type { RoleUsage } from './appliance/throwaway.ts';
import type { BenchContext } from './context.ts';
import { forkLoad } from './load/fork-load.ts';
import type { LoadPlan } from './load/plan.ts';
import type { RunSummary } from './result.ts';
import { summariseRun } from './stats/run-summary.ts';
import type { Subject } from './subject.ts';

/**
 * Runs one load against a subject, in its own process, and reads what it cost: the CPU time of the
 * generator and, where the appliance is ours, of each of its processes.
 */
export async function measureLoad(
  context: BenchContext,
  subject: Pick<Subject, 'url' | 'own'>,
  label: string,
  plan: Omit<LoadPlan, 'url'>,
): Promise<RunSummary> {
  const { clock, progress, signal } = context;
  const bar = progress.load(label, Math.ceil(plan.durationMs / 1_000));
  const before = await subject.own?.appliance.usage();
  const startedAt = clock.monotonicMs();
  try {
    const result = await forkLoad(
      { ...plan, url: subject.url },
      { signal, onSecond: ({ second }) => bar.second(second + 1) },
    );
    const seconds = (clock.monotonicMs() - startedAt) / 1_000;
    const after = await subject.own?.appliance.usage();
    return summariseRun(label, result, before && after ? coresUsed(before, after, seconds) : {});
  } finally {
    bar.stop();
  }
}

/**
 * Lets code be compiled, caches fill and connections open before anything is counted: the first
 * seconds of a process are not how it runs.
 */
export async function warmUp(
  context: BenchContext,
  subject: Pick<Subject, 'url'>,
  plan: Omit<LoadPlan, 'url' | 'durationMs'>,
): Promise<void> {
  context.progress.step('warming up');
  const { signal } = context;
  await forkLoad({ ...plan, url: subject.url, durationMs: WARMUP_MS }, { signal });
}

const WARMUP_MS = 3_000;

/** Cores used by each role between two readings; processes that ended meanwhile are not counted. */
function coresUsed(
  before: readonly RoleUsage[],
  after: readonly RoleUsage[],
  seconds: number,
): Record<string, number> {
  const earlier = new Map(before.map(({ pid, cpuSeconds }) => [pid, cpuSeconds]));
  const cores: Record<string, number> = {};
  for (const { pid, role, cpuSeconds } of after) {
    const used = (cpuSeconds - (earlier.get(pid) ?? 0)) / seconds;
    cores[role] = (cores[role] ?? 0) + used;
  }
  return cores;
}
