import { readCpuSeconds } from '../appliance/processes.ts';
import type { BenchContext } from '../context.ts';
import { activityBetween } from '../database-activity.ts';
import { forkLoad } from '../load/fork-load.ts';
import type { LoadResult } from '../load/plan.ts';
import type { RunSummary } from '../result.ts';
import { summariseRun } from '../stats/run-summary.ts';
import { sampleAllocations } from './allocations.ts';
import type { IdleRates } from './measure-idle.ts';
import type { MeasuredApi } from './measured-api.ts';
import type { RequestKind } from './request-kind.ts';

/** What one request costs, on average over those that were sent; what the idle process does is not in it. */
export interface RequestCost {
  /** With the latency, one request at a time. */
  readonly run: RunSummary;
  /** Milliseconds of the API process, all its threads. */
  readonly cpuMs: number;
  readonly transactions: number;
  readonly walBytes: number;
  /** On the JavaScript heap, sampled; absent where the requests outlasted the sampling. */
  readonly allocatedBytes?: number;
}

/** What is done first is compiled, read and connected by then. */
const WARMUP = 50;
/** No load lasts as long; it ends after its requests. */
const MOST_MS = 600_000;
/** Of the profile, for the load generator to start and to end in. */
const MARGIN_SECONDS = 2;
const MOST_SECONDS = 60;

/** How many requests `measureRequest` makes of a kind, all in all. */
export function requestsNeeded(requests: number): number {
  return WARMUP + 2 * requests;
}

/**
 * Sends requests of one kind, one at a time, to an appliance that has nothing else to do; then as many
 * again for the heap profile, which would slow the first. All of them are counted in the database.
 */
export async function measureRequest(
  context: BenchContext,
  api: MeasuredApi,
  idle: IdleRates,
  kind: RequestKind,
  requests: number,
): Promise<RequestCost> {
  const { clock, progress, signal } = context;
  progress.step(kind.label);
  // Made beforehand, for making one may take requests, too.
  const [warmUp, timed, sampled] = [
    await prepare(WARMUP),
    await prepare(requests),
    await prepare(requests),
  ];

  const before = await api.database.settledCounters();
  const countedFrom = clock.monotonicMs();
  const { sent: warmed } = await warmUp();

  const loadedFrom = clock.monotonicMs();
  const cpuBefore = readCpuSeconds(api.pid);
  const result = await timed();
  const cpuMs = (readCpuSeconds(api.pid) - cpuBefore) * 1_000;
  const loadMs = clock.monotonicMs() - loadedFrom;
  const run = summariseRun(kind.label, result, { API: cpuMs / loadMs });

  const expectedSeconds = Math.ceil((result.sent * run.accepted.mean) / 1_000) + 1;
  const sampling = await measureAllocations(
    Math.min(expectedSeconds + MARGIN_SECONDS, MOST_SECONDS),
  );
  const countedSeconds = (clock.monotonicMs() - countedFrom) / 1_000;
  const after = await api.database.settledCounters();

  const { commits, rollbacks, walBytes } = activityBetween(before, after);
  const counted = warmed + result.sent + sampling.sent;
  return {
    run,
    cpuMs: each(cpuMs, idle.cpuMs, loadMs / 1_000, result.sent),
    transactions: each(commits + rollbacks, idle.transactions, countedSeconds, counted),
    walBytes: each(walBytes, idle.walBytes, countedSeconds, counted),
    ...(sampling.isWhole ? { allocatedBytes: sampling.bytes } : {}),
  };

  async function prepare(count: number): Promise<(durationMs?: number) => Promise<LoadResult>> {
    const scenario = await kind.plan(count);
    const plan = { url: api.url, connections: 1, maxRequests: count, scenario };
    return (durationMs = MOST_MS) => forkLoad({ ...plan, durationMs }, { signal });
  }

  /** `bytes` are each request's, if the requests ended before the profile. */
  async function measureAllocations(seconds: number) {
    const startedAt = clock.monotonicMs();
    const [bytes, { sent, isWhole }] = await Promise.all([
      sampleAllocations(api.managementUrl, api.operatorToken, seconds, signal),
      sampled((seconds - MARGIN_SECONDS) * 1_000).then((load) => ({
        sent: load.sent,
        isWhole: clock.monotonicMs() - startedAt < seconds * 1_000,
      })),
    ]);
    return { sent, isWhole, bytes: each(bytes, idle.allocatedBytes, seconds, sent) };
  }
}

/** What of a total is each request's, the process's own share taken off. */
function each(total: number, idlePerSecond: number, seconds: number, requests: number): number {
  return Math.max(0, total - idlePerSecond * seconds) / requests;
}
