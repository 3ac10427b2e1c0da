import { createHistogram, type HistogramSnapshot } from './histogram.ts';

/** Milliseconds a request took, first byte sent to last byte received. */
export interface LatencySummary {
  readonly count: number;
  readonly mean: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** Reads the percentiles of one or several histograms taken together; all zero when empty. */
export function summariseLatency(...snapshots: readonly HistogramSnapshot[]): LatencySummary {
  const all = createHistogram();
  for (const snapshot of snapshots) all.merge(snapshot);
  const { count, sum, min, max } = all.snapshot();
  const at = (share: number) => all.percentile(share) / 1_000;
  return {
    count,
    mean: count === 0 ? 0 : sum / count / 1_000,
    min: min / 1_000,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: max / 1_000,
  };
}
