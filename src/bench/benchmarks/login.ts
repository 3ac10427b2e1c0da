import type { Benchmark } from '../context.ts';
import { measureRawArgon2 } from '../limits/raw-argon2.ts';
import { measureBeside } from '../measure-beside.ts';
import { measureLoad, warmUp } from '../measure-load.ts';
import { latencyOverTimeChart, percentilesChart, throughputChart } from '../report/charts.ts';
import { makeUsers, signIn } from '../scene.ts';
import { atLeast, atMost, figure, figureOf, none } from '../stats/figure.ts';
import { singleFigure } from '../stats/run-figures.ts';
import { countErrors } from '../stats/run-summary.ts';
import { openSubject } from '../subject.ts';
import { describe, LIMITS_OFF, NO_VERIFICATION, shownOptions } from './describe.ts';
import { DEFAULT_HASH } from './hash-cost.ts';

const USERS = 32;
const CONNECTIONS = 16;
const DURATION_MS = 10_000;
const LIMIT_MS = 5_000;
const CROWD = 600;
/** Refused clients come back when `Retry-After` asks them to, which is never later. */
const MOST_REST_MS = 10_000;
const ME_PER_SECOND = 100;
const ME_CONNECTIONS = 20;

/**
 * Logins at capacity, against the rate at which this machine computes the same hashes with nothing
 * around them; then far more clients than it can serve, while others read their profiles.
 */
export const login: Benchmark = {
  name: 'login',
  title: 'Login',
  async run(context) {
    const { clock, options, password, progress, signal, slots } = context;
    const startedAt = clock.now();
    const connections = options.connections ?? CONNECTIONS;
    const durationMs = options.durationMs ?? DURATION_MS;
    const settings = { AUTHCTL_LIMITS: 'off' };
    const subject = await openSubject(context, { settings, worker: true });
    // Whoever signs in too often loses the oldest session, so the profiles are of one who does it once.
    const [reader, ...emails] = await makeUsers(context, subject, USERS + 1);
    const [session] = await signIn(context, subject, [reader!]);
    const scenario = { kind: 'login', emails, password } as const;

    let engine = '';
    const measureRaw = async () => {
      progress.step('raw Argon2id');
      const input = { ...DEFAULT_HASH, slots, durationMs: LIMIT_MS };
      const rate = await measureRawArgon2(input, signal);
      engine = rate.engine;
      return rate.perSecond;
    };
    await warmUp(context, subject, { connections, scenario });
    const { runs: capacity, limits } = await measureBeside(options.repeat, measureRaw, () =>
      measureLoad(context, subject, 'at capacity', { connections, durationMs, scenario }),
    );
    const single = await measureLoad(context, subject, 'one at a time', {
      connections: 1,
      durationMs: LIMIT_MS,
      scenario,
    });
    const [crowd, me] = await Promise.all([
      measureLoad(context, subject, `${CROWD} at once`, {
        connections: CROWD,
        durationMs,
        mostRestMs: MOST_REST_MS,
        scenario,
      }),
      measureLoad(context, { url: subject.url }, 'profiles meanwhile', {
        connections: ME_CONNECTIONS,
        ratePerSecond: ME_PER_SECOND,
        durationMs,
        scenario: { kind: 'me', tokens: [session!.accessToken] },
      }),
    ]);

    const runs = [...capacity, single, crowd, me];
    return describe(context, login, subject, startedAt, {
      method: `${connections} connections sign ${USERS} users in for ${durationMs / 1_000} s. Then ${CROWD} connections do, each waiting after a refusal for as long as its Retry-After asks, while ${ME_PER_SECOND} profiles a second are read; those are counted from the moment they were due.`,
      options: shownOptions(connections, durationMs, { slots, repeat: options.repeat }),
      switchedOff: subject.own ? [LIMITS_OFF, NO_VERIFICATION] : [],
      notes: [],
      runs,
      charts: [
        throughputChart([capacity.at(-1)!, crowd]),
        latencyOverTimeChart([capacity.at(-1)!, crowd, me]),
        percentilesChart([capacity.at(-1)!, crowd, me, single]),
      ],
      figures: [
        figureOf(
          {
            id: 'login.throughput',
            label: 'Logins at capacity',
            measure: 'throughput',
            unit: '/s',
            values: capacity.map((run) => run.acceptedThroughput),
          },
          `raw Argon2id, ${engine}, ${slots} slots`,
          limits,
          atLeast(0.9, 'of the raw Argon2id rate'),
        ),
        singleFigure('login', single),
        figure(
          {
            id: 'login.crowd.p99',
            label: `${CROWD} at once, accepted, 99th percentile`,
            measure: 'latency',
            unit: 'ms',
            values: [crowd.accepted.p99],
          },
          atMost(1_500, 'ms'),
        ),
        figure({
          id: 'login.crowd.refusal.p95',
          label: `${CROWD} at once, refused (503), 95th percentile`,
          measure: 'latency',
          unit: 'ms',
          values: [crowd.refused.p95],
        }),
        figure(
          {
            id: 'login.me.p99',
            label: 'Profiles meanwhile, 99th percentile',
            measure: 'latency',
            unit: 'ms',
            values: [me.accepted.p99],
          },
          atMost(100, 'ms'),
        ),
        figure(
          {
            id: 'login.errors',
            label:
              'Errors (anything but 200, or 503 in the crowd; profiles due but never asked for)',
            measure: 'count',
            unit: '',
            values: [
              [...capacity, single, me].reduce((sum, run) => sum + countErrors(run, [200]), 0) +
                countErrors(crowd, [200, 503]) +
                me.unsent,
            ],
          },
          none(),
        ),
      ],
    });
  },
};
