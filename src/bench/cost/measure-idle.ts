import { setTimeout as sleep } from 'node:timers/promises';
import { readCpuSeconds } from '../appliance/processes.ts';
import type { BenchContext } from '../context.ts';
import { activityBetween } from '../database-activity.ts';
import { sampleAllocations } from './allocations.ts';
import type { MeasuredApi } from './measured-api.ts';

/** What an API process does by itself in a second: its heartbeat, timers, metrics. */
export interface IdleRates {
  readonly cpuMs: number;
  readonly transactions: number;
  readonly walBytes: number;
  readonly allocatedBytes: number;
}

/** Enough beats of one a second that one more or less does not matter. */
const IDLE_SECONDS = 8;

/** Measures what must be taken off what is counted while requests are sent. */
export async function measureIdle(
  { clock, progress, signal }: BenchContext,
  { database, managementUrl, operatorToken, pid }: MeasuredApi,
): Promise<IdleRates> {
  progress.step('letting it idle');
  const bytes = await sampleAllocations(managementUrl, operatorToken, IDLE_SECONDS, signal);

  const before = await database.settledCounters();
  const startedAt = clock.monotonicMs();
  const cpuBefore = readCpuSeconds(pid);
  await sleep(IDLE_SECONDS * 1_000, undefined, { signal });
  const cpuMs = (readCpuSeconds(pid) - cpuBefore) * 1_000;
  const seconds = (clock.monotonicMs() - startedAt) / 1_000;
  const { commits, rollbacks, walBytes } = activityBetween(
    before,
    await database.settledCounters(),
  );
  return {
    cpuMs: cpuMs / seconds,
    transactions: (commits + rollbacks) / seconds,
    walBytes: walBytes / seconds,
    allocatedBytes: bytes / IDLE_SECONDS,
  };
}
