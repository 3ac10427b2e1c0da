import type { Benchmark } from '../context.ts';
import { measureLoad, warmUp } from '../measure-load.ts';
import { latencyOverTimeChart, percentilesChart, throughputChart } from '../report/charts.ts';
import type { RunSummary } from '../result.ts';
import { figure } from '../stats/figure.ts';
import { errorsFigure } from '../stats/run-figures.ts';
import { openSubject } from '../subject.ts';
import { describe, LIMITS_OFF, NO_VERIFICATION, shownOptions } from './describe.ts';

const CONNECTIONS = 32;
const DURATION_MS = 20_000;

/** Whole visits: register, log in, read the profile, one user after the other. Logins set the pace. */
export const flow: Benchmark = {
  name: 'flow',
  title: 'Whole visits: register, log in, read the profile',
  async run(context) {
    const { clock, options, password } = context;
    const startedAt = clock.now();
    const connections = options.connections ?? CONNECTIONS;
    const durationMs = options.durationMs ?? DURATION_MS;
    const settings = {
      AUTHCTL_LIMITS: 'off',
      ...(options.mode ? { AUTHCTL_HASH_MODE: options.mode } : {}),
    };
    const subject = await openSubject(context, { settings, worker: true });
    const scenario = () => ({
      kind: 'flow' as const,
      domain: subject.domain,
      runId: context.runId('flow'),
      password,
    });
    await warmUp(context, subject, { connections, scenario: scenario() });
    const runs: RunSummary[] = [];
    for (let round = 0; round < options.repeat; round++) {
      const plan = { connections, durationMs, mostRestMs: 1_000, scenario: scenario() };
      runs.push(await measureLoad(context, subject, 'visits', plan));
    }
    const perSecond = (counter: string) =>
      runs.map((run) => (run.counters[counter] ?? 0) / run.measuredSeconds);

    return describe(context, flow, subject, startedAt, {
      method: `${connections} connections each register a new user, log in and read the profile, for ${durationMs / 1_000} s, with the worker draining meanwhile. A refused request (503) is sent again after a second.`,
      options: shownOptions(connections, durationMs, { repeat: options.repeat }),
      switchedOff: subject.own ? [LIMITS_OFF, NO_VERIFICATION] : [],
      notes: [],
      runs,
      charts: [
        throughputChart(runs.slice(-1)),
        latencyOverTimeChart(runs.slice(-1)),
        percentilesChart(runs.slice(-1)),
      ],
      figures: [
        figure({
          id: 'flow.visits',
          label: 'Whole visits',
          measure: 'throughput',
          unit: '/s',
          values: perSecond('profiles_read'),
        }),
        errorsFigure('flow', runs, [200, 201, 503]),
      ],
    });
  },
};
