import type { LoadResult, LoadSecond } from '../../../src/bench/load/plan.ts';
import {
  latencyOverTimeChart,
  percentilesChart,
  samplesChart,
  throughputChart,
} from '../../../src/bench/report/charts.ts';
import type { BenchResult, RunSummary } from '../../../src/bench/result.ts';
import { atLeast, atMost, figure, figureOf, none } from '../../../src/bench/stats/figure.ts';
import { createHistogram } from '../../../src/bench/stats/histogram.ts';
import { summariseRun } from '../../../src/bench/stats/run-summary.ts';

/** A result with something in every field; the numbers are made up. */
export function sampleResult(overrides: Partial<BenchResult> = {}): BenchResult {
  const runs = [sampleRun('static answer', 14_600, 30), sampleRun('registration', 12_300, 38)];
  const backlog = Array.from({ length: 30 }, (_, i) => [i, 240_000 - i * 130] as const);
  return {
    name: 'registration',
    title: 'Registration <burst>',
    method:
      '500 connections register new addresses for 20 s; the same stack answering with no database is the limit.',
    startedAt: '2026-11-22T06:30:00.000Z',
    version: '0.1.0',
    figures: [
      figureOf(
        {
          id: 'registration.throughput',
          label: 'Registrations accepted',
          measure: 'throughput',
          unit: '/s',
          values: [12_300, 12_100, 12_550],
        },
        'same stack, no database',
        [14_600, 14_500, 14_700],
        atLeast(0.8, 'of the static answer'),
      ),
      figure(
        { id: 'p95', label: 'p95 while doing so', measure: 'latency', unit: 'ms', values: [81.25] },
        atMost(75, 'ms'),
      ),
      figure({ id: 'errors', label: 'Errors', measure: 'count', unit: '', values: [0] }, none()),
      figure({ id: 'bytes', label: 'One request', measure: 'size', unit: 'B', values: [213] }),
    ],
    switchedOff: ['rate limits (AUTHCTL_LIMITS=off)', 'the worker', 'backlog bound raised to 24h'],
    options: { connections: 500, duration: '20s', mode: 'deferred' },
    notes: ['A note with <angle brackets> & an "ampersand".'],
    machine: {
      cpu: 'Example CPU <1.0 GHz>',
      cores: 2,
      memoryBytes: 24 * 2 ** 30,
      system: 'Linux 6.1 x64',
      node: '24.21.0',
      fileSystem: 'ext4',
      settings: ['AUTHCTL_LIMITS=off', 'AUTHCTL_HASH_MODE=deferred'],
      database: {
        version: '18.4',
        settings: { fsync: 'on', synchronous_commit: 'on' },
        activity: {
          commits: 1_234,
          rollbacks: 2,
          rowsInserted: 246_000,
          rowsUpdated: 3,
          rowsDeleted: 4,
          deadlocks: 0,
          tempBytes: 0,
          buffersHit: 5_000_000,
          buffersRead: 17,
          buffersWritten: 900,
          walRecords: 1_000_000,
          walBytes: 123_456_789,
          walFullPages: 321,
          checkpoints: 1,
        },
      },
    },
    runs,
    charts: [
      throughputChart(runs),
      latencyOverTimeChart(runs),
      percentilesChart(runs),
      samplesChart('Backlog of pending hashes', 'rows', [{ label: 'pending', points: backlog }]),
    ],
    ...overrides,
  };
}

function sampleRun(label: string, perSecond: number, p50: number): RunSummary {
  const histogram = createHistogram();
  for (let i = 0; i < 1_000; i++)
    histogram.record((p50 + (i % 50) + (i % 97 === 0 ? 90 : 0)) * 1_000);
  const seconds = Array.from({ length: 20 }, (_, second): LoadSecond => {
    const wobble = Math.sin(second * 1.7) * 0.06 + (second === 0 ? -0.3 : 0);
    const responses = Math.round(perSecond * (1 + wobble));
    const p95 = p50 * 1.9 * (1 - wobble);
    return { second, responses, accepted: responses, errors: 0, p50, p95, max: p95 * 2 };
  });
  const result: LoadResult = {
    mode: 'closed loop',
    connections: 500,
    measuredSeconds: 20,
    measuredResponses: perSecond * 20,
    measuredAccepted: perSecond * 20,
    sent: perSecond * 20,
    unsent: 0,
    statuses: { '201': perSecond * 20 },
    errors: { connect: 0, reset: 0, timeout: 0, malformed: 0 },
    latency: { '201': histogram.snapshot() },
    seconds,
    counters: { unique: perSecond * 20, repeated: 0 },
    requestBytes: 213,
    responseBytes: 760,
    generatorCpu: 0.31,
  };
  return summariseRun(label, result, { api: 0.97, postgres: 0.58 });
}
