import type { Chart, RunSummary } from '../result.ts';

const PERCENTILES = ['p50', 'p90', 'p95', 'p99', 'p999', 'max'] as const;

/** Answers a second over the time of the runs. */
export function throughputChart(runs: readonly RunSummary[]): Chart {
  return {
    title: 'Throughput over time',
    xLabel: 'seconds',
    yLabel: 'answers a second',
    x: 'linear',
    y: 'linear',
    series: runs.map(({ label, seconds }) => ({
      label,
      points: seconds.map(({ second, responses }) => [second + 1, responses]),
    })),
  };
}

/** How long answers took over the time of the runs: a stall shows here and nowhere else. */
export function latencyOverTimeChart(runs: readonly RunSummary[]): Chart {
  return {
    title: 'Latency over time (95th percentile of each second)',
    xLabel: 'seconds',
    yLabel: 'milliseconds',
    x: 'linear',
    y: 'linear',
    series: runs.map(({ label, seconds }) => ({
      label,
      points: seconds.map(({ second, p95 }) => [second + 1, p95]),
    })),
  };
}

/** The distribution of accepted requests' latency, on a logarithmic scale. */
export function percentilesChart(runs: readonly RunSummary[]): Chart {
  return {
    title: 'Latency of accepted requests by percentile',
    xLabel: 'percentile',
    yLabel: 'milliseconds (log)',
    x: 'category',
    y: 'log',
    categories: ['50', '90', '95', '99', '99.9', 'max'],
    series: runs
      .filter(({ accepted }) => accepted.count > 0)
      .map(({ label, accepted }) => ({
        label,
        points: PERCENTILES.map((name, index) => [index, accepted[name]]),
      })),
  };
}

/** Something sampled over time: the backlog of pending hashes, memory. */
export function samplesChart(title: string, yLabel: string, series: Chart['series']): Chart {
  return { title, xLabel: 'seconds', yLabel, x: 'linear', y: 'linear', series };
}
