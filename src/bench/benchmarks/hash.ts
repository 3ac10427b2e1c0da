import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext, Benchmark } from '../context.ts';
import { type BenchDatabase, openBenchDatabase } from '../database.ts';
import { measureRawArgon2 } from '../limits/raw-argon2.ts';
import { forkLoad } from '../load/fork-load.ts';
import { benchAddress } from '../load/scenarios/registration.ts';
import { measureBeside } from '../measure-beside.ts';
import { measureLoad } from '../measure-load.ts';
import { samplesChart } from '../report/charts.ts';
import { startSampling } from '../sampling.ts';
import { atLeast, figure, figureOf, none } from '../stats/figure.ts';
import { countErrors } from '../stats/run-summary.ts';
import { openOwnSubject } from '../subject.ts';
import { describe, LIMITS_OFF, NO_VERIFICATION, shownOptions } from './describe.ts';
import { DEFAULT_HASH, DRAIN_BAR } from './hash-cost.ts';

const DURATION_MS = 20_000;
const LIMIT_MS = 5_000;
/** A worker's first seconds go into starting and measuring its own rate. */
const WORKER_START_MS = 60_000;
const CHECKED_LOGINS = 20;

/**
 * How fast the worker turns pending credentials into Argon2id strings, against the rate at which
 * this machine computes the same hashes with nothing around them; and that users can still log in
 * after it.
 */
export const hash: Benchmark = {
  name: 'hash',
  title: 'Hashing and the worker’s drain',
  async run(context) {
    const { clock, options, password, progress, scope, signal, slots } = context;
    const startedAt = clock.now();
    const durationMs = options.durationMs ?? DURATION_MS;
    const settings = {
      AUTHCTL_LIMITS: 'off',
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
    };
    const subject = await openOwnSubject(context, { settings, worker: false });
    const database = await openBenchDatabase(scope, subject.own.connectionString);

    const engines = [];
    for (const engine of ['node-rs', 'argon2'] as const) {
      progress.step(`raw Argon2id, ${engine}`);
      engines.push(
        await measureRawArgon2({ ...DEFAULT_HASH, engine, slots, durationMs: LIMIT_MS }, signal),
      );
    }
    const fastest = Math.max(...engines.map(({ perSecond }) => perSecond));
    const rows = Math.ceil((fastest * durationMs * 1.5) / 1_000);
    progress.step(`registering ${rows} users whose hash is pending`);
    const runId = context.runId('hash');
    await forkLoad(
      {
        url: subject.url,
        connections: 32,
        durationMs: 120_000,
        maxRequests: rows,
        scenario: { kind: 'registration', domain: subject.domain, runId, password },
      },
      { signal },
    );

    let engine = '';
    const measureRaw = async () => {
      progress.step('raw Argon2id, as configured');
      const raw = await measureRawArgon2({ ...DEFAULT_HASH, slots, durationMs: LIMIT_MS }, signal);
      engine = raw.engine;
      return raw.perSecond;
    };
    const { runs, limits } = await measureBeside(1, measureRaw, async () => {
      progress.step('starting the worker');
      const worker = subject.own.throwaway.startWorker(settings);
      const samples = startSampling(clock, database.countPending);
      const perSecond = await measureDrain(context, database, durationMs);
      await samples.stop();
      await worker.stop();
      return { perSecond, points: samples.points };
    });

    // The oldest rows are drained first, so these users' hashes are final by now.
    const emails = Array.from({ length: CHECKED_LOGINS }, (_, index) =>
      benchAddress(runId, index, subject.domain),
    );
    const logins = await measureLoad(context, subject, 'logins after hardening', {
      connections: 2,
      durationMs: LIMIT_MS,
      maxRequests: CHECKED_LOGINS,
      scenario: { kind: 'login', emails, password },
    });

    return describe(context, hash, subject, startedAt, {
      method: `${rows.toLocaleString('en')} users register while no worker runs; then one starts, and the number of pending hashes is counted for ${durationMs / 1_000} s.`,
      options: shownOptions(32, durationMs, { slots, ...DEFAULT_HASH }),
      switchedOff: [LIMITS_OFF, NO_VERIFICATION, 'the default backlog bound (raised to 24h)'],
      notes: ['The API was idle meanwhile: draining takes a slot only when no request waits.'],
      runs: [logins],
      charts: [
        samplesChart('Backlog while one worker drains it', 'pending hashes', [
          { label: 'pending', points: runs[0]!.points },
        ]),
      ],
      figures: [
        figureOf(
          {
            id: 'hash.drain',
            label: 'Pending hashes drained',
            measure: 'throughput',
            unit: '/s',
            values: runs.map(({ perSecond }) => perSecond),
          },
          `raw Argon2id, ${engine}, ${slots} slots`,
          limits,
          atLeast(DRAIN_BAR, 'of the raw rate'),
        ),
        ...engines.map(({ engine, perSecond }) =>
          figure({
            id: `hash.raw.${engine}`,
            label: `Raw Argon2id, ${engine}, ${slots} in flight`,
            measure: 'throughput',
            unit: '/s',
            values: [perSecond],
          }),
        ),
        figure(
          {
            id: 'hash.logins_after',
            label: `Failed logins of ${CHECKED_LOGINS} users after hardening`,
            measure: 'count',
            unit: '',
            values: [countErrors(logins, [200]) + (CHECKED_LOGINS - logins.sent)],
          },
          none(),
        ),
      ],
    });
  },
};

/**
 * Waits for the first hash, then counts what is gone after `durationMs` (or when nothing is left).
 * @returns hashes a second
 */
async function measureDrain(
  { clock, progress, signal }: BenchContext,
  database: BenchDatabase,
  durationMs: number,
): Promise<number> {
  const initial = await database.countPending();
  const deadline = clock.monotonicMs() + WORKER_START_MS;
  let pending = initial;
  while (pending === initial) {
    if (clock.monotonicMs() > deadline) return 0;
    await sleep(50, undefined, { signal });
    pending = await database.countPending();
  }
  const from = { at: clock.monotonicMs(), pending };
  const bar = progress.load('draining', Math.ceil(durationMs / 1_000));
  const elapsed = () => clock.monotonicMs() - from.at;
  while (pending > 0 && elapsed() < durationMs) {
    await sleep(200, undefined, { signal });
    pending = await database.countPending();
    bar.second(Math.floor(elapsed() / 1_000));
  }
  bar.stop();
  return ((from.pending - pending) * 1_000) / elapsed();
}
