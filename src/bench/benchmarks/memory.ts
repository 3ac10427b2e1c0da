import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { RoleUsage } from '../appliance/throwaway.ts';
import type { Benchmark } from '../context.ts';
import { samplesChart } from '../report/charts.ts';
import { startSampling } from '../sampling.ts';
import { atMost, figure } from '../stats/figure.ts';
import { openOwnSubject } from '../subject.ts';
import { describe } from './describe.ts';

const IDLE_MS = 20_000;
const BAR_MEGABYTES = 250;
const MEGABYTE = 1_000_000;

/** What an idle appliance holds: API, worker and PostgreSQL, shared pages counted once. */
export const memory: Benchmark = {
  name: 'memory',
  title: 'Idle memory',
  async run(context) {
    const { clock, options, progress, signal } = context;
    const startedAt = clock.now();
    const idleMs = options.durationMs ?? IDLE_MS;
    const subject = await openOwnSubject(context, { settings: {}, worker: true });
    const { appliance } = subject.own;
    progress.step(`letting it idle for ${idleMs / 1_000} s`);
    const samples = startSampling(clock, async () => total(await appliance.usage()));
    await sleep(idleMs, undefined, { signal });
    await samples.stop();
    const usage = await appliance.usage();

    return describe(context, memory, subject, startedAt, {
      method: `The appliance idles for ${idleMs / 1_000} s after its start; then the proportional set size (PSS) of each of its ${usage.length} processes is read and added up.`,
      options: { idle: `${idleMs / 1_000}s`, processes: usage.length },
      switchedOff: [],
      notes: [],
      runs: [],
      charts: [
        samplesChart('Memory while idle', 'MB PSS', [{ label: 'all', points: samples.points }]),
      ],
      figures: [
        figure(
          {
            id: 'memory.idle',
            label: 'API, worker and PostgreSQL',
            measure: 'size',
            unit: 'MB',
            values: [total(usage)],
          },
          atMost(BAR_MEGABYTES, 'MB PSS'),
        ),
        ...(['API', 'worker', 'PostgreSQL'] as const).map((role) =>
          figure({
            id: `memory.${role.toLowerCase()}`,
            label: role,
            measure: 'size',
            unit: 'MB',
            values: [total(usage.filter((process) => process.role === role))],
          }),
        ),
      ],
    });
  },
};

/** @throws AppError `internal` where the system does not tell */
function total(usage: readonly RoleUsage[]): number {
  const sum = usage.reduce((bytes, { pssBytes }) => bytes + (pssBytes ?? Number.NaN), 0);
  if (Number.isNaN(sum)) {
    throw new AppError('internal', {
      text: 'The memory of the processes cannot be read: this needs Linux and its /proc.',
    });
  }
  return sum / MEGABYTE;
}
