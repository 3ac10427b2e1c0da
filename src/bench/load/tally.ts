import { createHistogram, type Histogram, type HistogramSnapshot } from '../stats/histogram.ts';
import type { LoadErrors, LoadResult, LoadSecond } from './plan.ts';

/** Times are milliseconds since the first request could have been sent. */
export interface Tally {
  sent(requestBytes: number): void;
  /** @param dueAtMs when the request was sent (closed loop) or should have been (open loop) */
  response(status: number, dueAtMs: number, atMs: number, wireBytes: number): void;
  error(kind: keyof LoadErrors): void;
  /** Closes the seconds that have passed; whole ones only, so that a plot has no false dip at its end. */
  roll(atMs: number): void;
  /** @param endMs when the run stopped sending */
  result(endMs: number): TallyResult;
}

type TallyResult = Omit<
  LoadResult,
  'mode' | 'connections' | 'unsent' | 'counters' | 'generatorCpu'
>;

/**
 * Counts what a load run sees. Throughput counts the answers that arrived between the warm-up and
 * the end; latency covers the requests that were *due* in that time, however late their answers
 * came: leaving out the late ones would flatter the percentiles.
 */
export function createTally(
  warmupMs: number,
  durationMs: number,
  onSecond: (second: LoadSecond) => void,
): Tally {
  const statuses: Record<string, number> = {};
  const errors = { connect: 0, reset: 0, timeout: 0, malformed: 0 };
  const latency = new Map<number, Histogram>();
  const seconds: LoadSecond[] = [];
  const current = createHistogram();
  let accepted = 0;
  let failed = 0;
  let sent = 0;
  let responses = 0;
  let measuredResponses = 0;
  let measuredAccepted = 0;
  let sentBytes = 0;
  let receivedBytes = 0;

  function histogramOf(status: number): Histogram {
    const known = latency.get(status);
    if (known) return known;
    const created = createHistogram();
    latency.set(status, created);
    return created;
  }

  function closeSecond(): void {
    const second: LoadSecond = {
      second: seconds.length,
      responses: current.snapshot().count,
      accepted,
      errors: failed,
      p50: current.percentile(0.5) / 1_000,
      p95: current.percentile(0.95) / 1_000,
      max: current.percentile(1) / 1_000,
    };
    current.reset();
    accepted = 0;
    failed = 0;
    seconds.push(second);
    onSecond(second);
  }

  function roll(atMs: number): void {
    const whole = Math.floor(Math.min(atMs, durationMs) / 1_000);
    while (seconds.length < whole) closeSecond();
  }

  return {
    roll,
    sent(requestBytes) {
      sent += 1;
      sentBytes += requestBytes;
    },
    response(status, dueAtMs, atMs, wireBytes) {
      roll(atMs);
      const isAccepted = status >= 200 && status <= 299;
      const microseconds = (atMs - dueAtMs) * 1_000;
      statuses[status] = (statuses[status] ?? 0) + 1;
      responses += 1;
      receivedBytes += wireBytes;
      current.record(microseconds);
      if (isAccepted) accepted += 1;
      if (dueAtMs >= warmupMs) histogramOf(status).record(microseconds);
      if (atMs < warmupMs || atMs > durationMs) return;
      measuredResponses += 1;
      if (isAccepted) measuredAccepted += 1;
    },
    error(kind) {
      errors[kind] += 1;
      failed += 1;
    },
    result(endMs) {
      roll(endMs);
      const latencies: Record<string, HistogramSnapshot> = {};
      for (const [status, histogram] of latency) latencies[status] = histogram.snapshot();
      return {
        measuredSeconds: Math.max(0, Math.min(endMs, durationMs) - warmupMs) / 1_000,
        measuredResponses,
        measuredAccepted,
        sent,
        statuses,
        errors,
        latency: latencies,
        seconds,
        requestBytes: sent === 0 ? 0 : sentBytes / sent,
        responseBytes: responses === 0 ? 0 : receivedBytes / responses,
      };
    },
  };
}
