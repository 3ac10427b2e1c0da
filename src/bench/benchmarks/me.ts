import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchContext, Benchmark } from '../context.ts';
import { measureRawPaseto } from '../limits/raw-paseto.ts';
import { forkLoad } from '../load/fork-load.ts';
import { measureBeside } from '../measure-beside.ts';
import { measureLoad, warmUp } from '../measure-load.ts';
import { latencyOverTimeChart, percentilesChart, throughputChart } from '../report/charts.ts';
import type { RunSummary } from '../result.ts';
import { makeUsers, signIn } from '../scene.ts';
import { atLeast, figure, figureOf } from '../stats/figure.ts';
import { errorsFigure, singleFigure } from '../stats/run-figures.ts';
import { openSubject, type Subject } from '../subject.ts';
import { describe, LIMITS_OFF, NO_VERIFICATION, shownOptions } from './describe.ts';

const USERS = 16;
const CONNECTIONS = 64;
const DURATION_MS = 10_000;
const LIMIT_MS = 3_000;
/** A little more than a fast machine uses up in the time of one run. */
const FRESH_TOKENS = 40_000;

/**
 * Reading the own profile with a valid access token: the request every application makes most. Once
 * with a few tokens, whose signature the node has seen, and once with tokens used a single time.
 */
export const me: Benchmark = {
  name: 'me',
  title: 'Authenticated requests (GET /v1/me)',
  async run(context) {
    const { clock, options, progress, signal } = context;
    const startedAt = clock.now();
    const connections = options.connections ?? CONNECTIONS;
    const durationMs = options.durationMs ?? DURATION_MS;
    const settings = { AUTHCTL_LIMITS: 'off' };
    const subject = await openSubject(context, { settings, worker: true });
    const sessions = await signIn(context, subject, await makeUsers(context, subject, USERS));
    const known = { kind: 'me', tokens: sessions.map((s) => s.accessToken) } as const;
    const freshTokens = await collectTokens(
      context,
      subject,
      sessions.map((session) => session.refreshToken),
    );

    await warmUp(context, subject, { connections, scenario: known });
    const cached: RunSummary[] = [];
    for (let round = 0; round < options.repeat; round++) {
      cached.push(
        await measureLoad(context, subject, 'signature cached', {
          connections,
          durationMs,
          scenario: known,
        }),
      );
    }
    const measureRaw = async () => {
      progress.step('raw signature verification');
      const input = { operation: 'verify', inFlight: 8, durationMs: LIMIT_MS } as const;
      return (await measureRawPaseto(input, signal)).perSecond;
    };
    const share = Math.floor(freshTokens.length / options.repeat);
    const { runs: uncached, limits } = await measureBeside(options.repeat, measureRaw, (round) => {
      const tokens = freshTokens.slice(round * share, (round + 1) * share);
      return measureLoad(context, subject, 'every token new', {
        connections,
        durationMs,
        scenario: { kind: 'me', tokens, once: true },
      });
    });
    const single = await measureLoad(context, subject, 'one at a time', {
      connections: 1,
      durationMs: LIMIT_MS,
      scenario: known,
    });

    const runs = [...cached, ...uncached, single];
    const plotted = [cached.at(-1)!, uncached.at(-1)!];
    return describe(context, me, subject, startedAt, {
      method: `${connections} connections read profiles for ${durationMs / 1_000} s: with ${USERS} tokens over and over, then with up to ${FRESH_TOKENS.toLocaleString('en')} tokens, each once. The state of session and user is checked every time, signature cached or not.`,
      options: shownOptions(connections, durationMs, { repeat: options.repeat }),
      switchedOff: subject.own ? [LIMITS_OFF, NO_VERIFICATION] : [],
      notes: [],
      runs,
      charts: [
        throughputChart(plotted),
        latencyOverTimeChart(plotted),
        percentilesChart([...plotted, single]),
      ],
      figures: [
        figure(
          {
            id: 'me.cached',
            label: 'Requests, signature cached',
            measure: 'throughput',
            unit: '/s',
            values: cached.map((run) => run.acceptedThroughput),
          },
          atLeast(6_000, '/s'),
        ),
        uncachedFigure(uncached, limits),
        figure({
          id: 'me.cached.p99',
          label: `Signature cached, 99th percentile with ${connections} connections`,
          measure: 'latency',
          unit: 'ms',
          values: cached.map((run) => run.accepted.p99),
        }),
        singleFigure('me', single),
        errorsFigure('me', runs, [200]),
      ],
    });
  },
};

/** The bar is on requests a second; the raw rate beside it shows what the signature costs. */
function uncachedFigure(runs: readonly RunSummary[], raw: readonly number[]) {
  const values = runs.map((run) => run.acceptedThroughput);
  const plain = figureOf(
    {
      id: 'me.uncached',
      label: 'Requests, every token new to the node',
      measure: 'throughput',
      unit: '/s',
      values,
    },
    'raw PASETO verification, 8 in flight',
    raw,
  );
  return { ...plain, bar: atLeast(3_000, '/s')(plain.value) };
}

/** Refreshes the sessions until there are enough access tokens that nobody has presented yet. */
async function collectTokens(
  { progress, signal }: BenchContext,
  subject: Subject,
  refreshTokens: readonly string[],
): Promise<string[]> {
  progress.step(`collecting ${FRESH_TOKENS.toLocaleString('en')} access tokens`);
  const folder = await mkdtemp(join(tmpdir(), 'authctl-bench-tokens-'));
  try {
    const journal = join(folder, 'tokens');
    await forkLoad(
      {
        url: subject.url,
        connections: refreshTokens.length,
        durationMs: 60_000,
        maxRequests: FRESH_TOKENS,
        scenario: { kind: 'refresh', tokens: refreshTokens, journal },
      },
      { signal },
    );
    return (await readFile(journal, 'utf8')).trimEnd().split('\n');
  } finally {
    await rm(folder, { recursive: true });
  }
}
