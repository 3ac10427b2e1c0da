import type { Benchmark } from '../context.ts';
import { measureRawPaseto } from '../limits/raw-paseto.ts';
import { measureBeside } from '../measure-beside.ts';
import { measureLoad, warmUp } from '../measure-load.ts';
import { latencyOverTimeChart, percentilesChart, throughputChart } from '../report/charts.ts';
import { makeUsers, signIn } from '../scene.ts';
import { atLeast, figure, figureOf } from '../stats/figure.ts';
import { errorsFigure, singleFigure } from '../stats/run-figures.ts';
import { openSubject } from '../subject.ts';
import { describe, LIMITS_OFF, NO_VERIFICATION, shownOptions } from './describe.ts';

const CONNECTIONS = 256;
const DURATION_MS = 10_000;
const LIMIT_MS = 3_000;

/**
 * Rotating refresh tokens: every connection follows one session, each answer's token is the next
 * request's. One durable UPDATE and one signature a request.
 */
export const refresh: Benchmark = {
  name: 'refresh',
  title: 'Token refresh',
  async run(context) {
    const { clock, options, progress, signal } = context;
    const startedAt = clock.now();
    const connections = options.connections ?? CONNECTIONS;
    const durationMs = options.durationMs ?? DURATION_MS;
    const settings = { AUTHCTL_LIMITS: 'off' };
    const subject = await openSubject(context, { settings, worker: true });
    const emails = await makeUsers(context, subject, connections);
    /** A chain cannot be taken up where another process left it, so each run has sessions of its own. */
    const newChains = async (count: number) => {
      const sessions = await signIn(context, subject, emails.slice(0, count));
      const tokens = sessions.map((session) => session.refreshToken);
      return { connections: count, scenario: { kind: 'refresh', tokens } } as const;
    };

    await warmUp(context, subject, await newChains(connections));
    const measureRaw = async () => {
      progress.step('raw signing');
      const input = { operation: 'sign', inFlight: 8, durationMs: LIMIT_MS } as const;
      return (await measureRawPaseto(input, signal)).perSecond;
    };
    const { runs, limits } = await measureBeside(options.repeat, measureRaw, async () => {
      const chains = await newChains(connections);
      return measureLoad(context, subject, 'refresh', { ...chains, durationMs });
    });
    const single = await measureLoad(context, subject, 'one at a time', {
      ...(await newChains(1)),
      durationMs: LIMIT_MS,
    });

    const throughput = figureOf(
      {
        id: 'refresh.throughput',
        label: 'Refreshes',
        measure: 'throughput',
        unit: '/s',
        values: runs.map((run) => run.acceptedThroughput),
      },
      'raw PASETO signing, 8 in flight',
      limits,
    );
    const all = [...runs, single];
    return describe(context, refresh, subject, startedAt, {
      method: `${connections} sessions are refreshed for ${durationMs / 1_000} s, each as soon as its last answer came. Every rotation is committed durably.`,
      options: shownOptions(connections, durationMs, { repeat: options.repeat }),
      switchedOff: subject.own ? [LIMITS_OFF, NO_VERIFICATION] : [],
      notes: [],
      runs: all,
      charts: [
        throughputChart(runs.slice(-1)),
        latencyOverTimeChart(runs.slice(-1)),
        percentilesChart([...runs.slice(-1), single]),
      ],
      figures: [
        { ...throughput, bar: atLeast(2_500, '/s')(throughput.value) },
        figure({
          id: 'refresh.p95',
          label: `95th percentile with ${connections} connections`,
          measure: 'latency',
          unit: 'ms',
          values: runs.map((run) => run.accepted.p95),
        }),
        singleFigure('refresh', single),
        errorsFigure('refresh', all, [200]),
      ],
    });
  },
};
