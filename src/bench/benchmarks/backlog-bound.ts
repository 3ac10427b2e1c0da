import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '../context.ts';
import { openBenchDatabase } from '../database.ts';
import { measureRawArgon2 } from '../limits/raw-argon2.ts';
import { measureLoad } from '../measure-load.ts';
import { samplesChart } from '../report/charts.ts';
import type { Chart, Figure, RunSummary } from '../result.ts';
import { startSampling } from '../sampling.ts';
import { atLeast, atMost, figure, figureOf } from '../stats/figure.ts';
import { errorsFigure } from '../stats/run-figures.ts';
import { countStatus } from '../stats/run-summary.ts';
import { openOwnSubject } from '../subject.ts';
import { DEFAULT_HASH, DRAIN_BAR } from './hash-cost.ts';

const CONNECTIONS = 500;
const DURATION_MS = 20_000;
/** How long the drain is watched: at some hundred hashes a second the whole of it takes minutes. */
const WATCH_MS = 30_000;
const LIMIT_MS = 5_000;
/** The default of `hash.backlog_max_age`, in seconds. */
const MAX_AGE_SECONDS = 600;

export interface BacklogBound {
  readonly figures: readonly Figure[];
  readonly runs: readonly RunSummary[];
  readonly charts: readonly Chart[];
}

/**
 * The same burst as a default installation meets it: bound 10 minutes, worker running. Registrations
 * are accepted until the backlog is full, then refused at once, and the backlog drains as promised.
 */
export async function measureBacklogBound(context: BenchContext): Promise<BacklogBound> {
  const { clock, scope, signal, progress, password } = context;
  const subject = await openOwnSubject(context, {
    settings: { AUTHCTL_LIMITS: 'off', AUTHCTL_HASH_MODE: 'deferred' },
    worker: true,
  });
  const database = await openBenchDatabase(scope, subject.own.connectionString);
  progress.step('raw Argon2id');
  const input = { ...DEFAULT_HASH, slots: context.slots, durationMs: LIMIT_MS };
  const raw = await measureRawArgon2(input, signal);

  const samples = startSampling(clock, database.countPending);
  const run = await measureLoad(context, subject, 'default bound, worker on', {
    connections: CONNECTIONS,
    durationMs: DURATION_MS,
    // A refused client waits before it asks again; the header asks for more.
    mostRestMs: 1_000,
    scenario: {
      kind: 'registration',
      domain: subject.domain,
      runId: context.runId('bound'),
      password,
    },
  });
  progress.step('watching the backlog drain');
  const watchedFrom = clock.monotonicMs();
  const pendingBefore = await database.countPending();
  await sleep(WATCH_MS, undefined, { signal });
  const pendingAfter = await database.countPending();
  const drainRate = ((pendingBefore - pendingAfter) * 1_000) / (clock.monotonicMs() - watchedFrom);
  await samples.stop();

  return {
    runs: [run],
    charts: [
      samplesChart('Backlog: default bound, worker on', 'pending hashes', [
        { label: 'pending', points: samples.points },
      ]),
    ],
    figures: [
      figure({
        id: 'bound.accepted',
        label: 'Accepted before the default bound',
        measure: 'count',
        unit: '',
        values: [countStatus(run, 201)],
      }),
      figure({
        id: 'bound.refusal.p95',
        label: 'Refusals (503) beyond it, 95th percentile',
        measure: 'latency',
        unit: 'ms',
        values: [run.refused.p95],
      }),
      errorsFigure('bound', [run], [201, 503]),
      figureOf(
        {
          id: 'bound.drain',
          label: 'Drain beside an idle API',
          measure: 'throughput',
          unit: '/s',
          values: [drainRate],
        },
        `raw Argon2id, ${raw.engine}`,
        [raw.perSecond],
        atLeast(DRAIN_BAR, 'of the raw rate'),
      ),
      figure(
        {
          id: 'bound.drained_in',
          label: 'The whole backlog drained in, at that rate',
          measure: 'time',
          unit: 's',
          values: [pendingBefore / Math.max(drainRate, Number.MIN_VALUE)],
        },
        atMost(Math.ceil(MAX_AGE_SECONDS / DRAIN_BAR), 's (10m at 0.9 of the hash rate)'),
      ),
    ],
  };
}
