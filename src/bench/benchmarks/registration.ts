import type { Benchmark } from '../context.ts';
import { openBenchDatabase } from '../database.ts';
import { measureRawInsert } from '../limits/raw-insert.ts';
import { measureBeside } from '../measure-beside.ts';
import { measureLoad, warmUp } from '../measure-load.ts';
import { latencyOverTimeChart, percentilesChart, throughputChart } from '../report/charts.ts';
import type { Figure, RunSummary } from '../result.ts';
import { atLeast, atMost, figure, figureOf } from '../stats/figure.ts';
import { errorsFigure, singleFigure } from '../stats/run-figures.ts';
import { countStatus } from '../stats/run-summary.ts';
import { openSubject } from '../subject.ts';
import { measureBacklogBound } from './backlog-bound.ts';
import { describe, LIMITS_OFF, NO_VERIFICATION, shownOptions, WORKER_OFF } from './describe.ts';
import { costFigures, duplicateFigures } from './registration-figures.ts';
import { openStaticServer, STATIC_LIMIT, STATIC_MISSING } from './static-limit.ts';

const CONNECTIONS = 500;
const DURATION_MS = 20_000;
const LIMIT_MS = 5_000;
/** As the product: batches of this size, two writers. */
const INSERT = { batchSize: 500, connections: 2 };

/**
 * Registration in a burst. The appliance defers hashing (the keyed prehash is stored at once, the
 * Argon2id string later), commits durably and keeps e-mail addresses unique; the ceiling is the same
 * HTTP stack, validation and HMAC with no database behind them.
 */
export const registration: Benchmark = {
  name: 'registration',
  title: 'Registration in a burst',
  async run(context) {
    const { clock, options, scope, signal, progress, password } = context;
    const startedAt = clock.now();
    const mode = options.mode ?? 'deferred';
    const connections = options.connections ?? CONNECTIONS;
    const durationMs = options.durationMs ?? DURATION_MS;
    const settings = {
      AUTHCTL_LIMITS: 'off',
      AUTHCTL_HASH_MODE: mode,
      AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
    };
    const subject = await openSubject(context, { settings, worker: false });
    const database = subject.own && (await openBenchDatabase(scope, subject.own.connectionString));
    const staticServer = await openStaticServer(context);

    const scenario = (duplicates = 0) => ({
      kind: 'registration' as const,
      domain: subject.domain,
      runId: context.runId('reg'),
      password,
      duplicates,
    });
    const burst = (label: string, duplicates?: number) =>
      measureLoad(context, subject, label, {
        connections,
        durationMs,
        scenario: scenario(duplicates),
      });
    const staticRuns: RunSummary[] = [];
    const inserts: number[] = [];
    const walPerRegistration: number[] = [];

    if (staticServer) await warmUp(context, staticServer, { connections, scenario: scenario() });
    await warmUp(context, subject, { connections, scenario: scenario() });
    const measureStatic = async () => {
      if (!staticServer) return 0;
      const plan = { connections, durationMs: durationMs / 2, scenario: scenario() };
      staticRuns.push(await measureLoad(context, staticServer, 'static answer', plan));
      return staticRuns.at(-1)!.acceptedThroughput;
    };
    const { runs: bursts, limits } = await measureBeside(
      options.repeat,
      measureStatic,
      async () => {
        const walBefore = await database?.walBytes();
        const run = await burst('registration');
        const walAfter = await database?.walBytes();
        const created = countStatus(run, 201);
        if (walBefore !== undefined && walAfter !== undefined && created > 0)
          walPerRegistration.push((walAfter - walBefore) / created);
        return run;
      },
    );
    if (subject.own) {
      progress.step('raw PostgreSQL insert');
      const { connectionString } = subject.own;
      const insert = { ...INSERT, connectionString, durationMs: LIMIT_MS };
      inserts.push((await measureRawInsert(insert, signal)).perSecond);
    }
    const base = bursts.map((run) => run.acceptedThroughput);
    const single = await measureLoad(context, subject, 'one at a time', {
      connections: 1,
      durationMs: LIMIT_MS,
      scenario: scenario(),
    });

    const throughput = {
      id: 'registration.throughput',
      label: 'Registrations',
      measure: 'throughput',
      unit: '/s',
      values: base,
    } as const;
    const figures: Figure[] = [
      staticServer
        ? figureOf(throughput, STATIC_LIMIT, limits, atLeast(0.8, 'of the static answer'))
        : figure(throughput),
    ];
    if (inserts.length > 0) {
      figures.push(
        figureOf(
          { ...throughput, id: 'registration.of_insert', label: 'The same beside the database' },
          `raw batch insert, ${INSERT.batchSize} rows on ${INSERT.connections} connections`,
          inserts,
        ),
      );
    }
    figures.push(
      figure(
        {
          id: 'registration.p95',
          label: `95th percentile with ${connections} connections`,
          measure: 'latency',
          unit: 'ms',
          values: bursts.map((run) => run.accepted.p95),
        },
        atMost(75, 'ms'),
      ),
      errorsFigure('registration', bursts, [201]),
      singleFigure('registration', single),
      ...costFigures(bursts, walPerRegistration),
    );

    const extra: RunSummary[] = [];
    if (options.duplicates) {
      const run = await burst('with duplicates', options.duplicates);
      extra.push(run);
      figures.push(...duplicateFigures(run, base, options.duplicates));
    }
    if (options.preload && database) {
      progress.step(`adding ${options.preload.toLocaleString('en')} users`);
      await database.addUsers(options.preload);
      await warmUp(context, subject, { connections, scenario: scenario() });
      const run = await burst(`with ${options.preload.toLocaleString('en')} users`);
      extra.push(run);
      figures.push(
        figureOf(
          {
            id: 'registration.preloaded',
            label: `With ${options.preload.toLocaleString('en')} users there`,
            measure: 'throughput',
            unit: '/s',
            values: [run.acceptedThroughput],
          },
          'the same with an empty table',
          base,
          atLeast(0.8, 'of the empty table'),
        ),
      );
    }
    const bound = options.bounded ? await measureBacklogBound(context) : undefined;

    const runs = [...staticRuns, ...bursts, ...extra, single, ...(bound?.runs ?? [])];
    const plotted = [...staticRuns.slice(-1), ...bursts.slice(-1), ...extra];
    return describe(context, registration, subject, startedAt, {
      method: `${connections} keep-alive connections register new addresses for ${durationMs / 1_000} s, each as soon as its last answer came. Commits are durable, addresses unique, passwords checked against the blocklist.`,
      figures: [...figures, ...(bound?.figures ?? [])],
      options: shownOptions(connections, durationMs, { mode, repeat: options.repeat }),
      switchedOff: subject.own
        ? [LIMITS_OFF, WORKER_OFF, NO_VERIFICATION, 'the default backlog bound (raised to 24h)']
        : [],
      notes: staticServer ? [] : [STATIC_MISSING],
      runs,
      charts: [
        throughputChart(plotted),
        latencyOverTimeChart(plotted),
        percentilesChart(plotted),
        ...(bound?.charts ?? []),
      ],
    });
  },
};
