import type { LoadResult } from '../load/plan.ts';
import type { RunSummary } from '../result.ts';
import { summariseLatency } from './latency.ts';

/** Reads a run's histograms; 2xx and the rest are kept apart, since a fast refusal is no fast login. */
export function summariseRun(
  label: string,
  result: LoadResult,
  cpu: Readonly<Record<string, number>> = {},
): RunSummary {
  const { latency, measuredResponses, measuredAccepted, measuredSeconds, generatorCpu, ...rest } =
    result;
  const isAccepted = (status: string) => status.startsWith('2');
  const entries = Object.entries(latency);
  const histograms = (wanted: boolean) =>
    entries.filter(([status]) => isAccepted(status) === wanted).map(([, snapshot]) => snapshot);
  const perSecond = (count: number) => (measuredSeconds === 0 ? 0 : count / measuredSeconds);
  return {
    ...rest,
    label,
    measuredSeconds,
    throughput: perSecond(measuredResponses),
    acceptedThroughput: perSecond(measuredAccepted),
    accepted: summariseLatency(...histograms(true)),
    refused: summariseLatency(...histograms(false)),
    cpu: { 'load generator': generatorCpu, ...cpu },
  };
}

/** Requests that got no answer, or one outside what the load expects. */
export function countErrors(run: RunSummary, expected: readonly number[]): number {
  const broken = Object.values(run.errors).reduce((sum, count) => sum + count, 0);
  const unexpected = Object.entries(run.statuses)
    .filter(([status]) => !expected.includes(Number(status)))
    .reduce((sum, [, count]) => sum + count, 0);
  return broken + unexpected;
}

/** How many answers had a status. */
export function countStatus(run: RunSummary, status: number): number {
  const found = Object.entries(run.statuses).find(([name]) => name === String(status));
  return found?.[1] ?? 0;
}
