import { createThrowaway } from '../appliance/throwaway.ts';
import type { Benchmark } from '../context.ts';
import { readMachineFacts } from '../machine.ts';
import { samplesChart } from '../report/charts.ts';
import { atMost, figure } from '../stats/figure.ts';
import { describe } from './describe.ts';

const FIRST_RUN_BAR_SECONDS = 4;
const EXISTING_BAR_SECONDS = 1.5;
/** Starts on existing data for each first run: they are cheap, and noisier in proportion. */
const RESTARTS = 3;

/** From the command to the first 200 of /health, worker included: an empty folder, then its data. */
export const start: Benchmark = {
  name: 'start',
  title: 'Start-up',
  async run(context) {
    const { clock, env, options, progress, runner, scope, signal } = context;
    const startedAt = clock.now();
    const first: number[] = [];
    const existing: number[] = [];
    let dataDir = '';
    for (let round = 0; round < options.repeat; round++) {
      const throwaway = scope.own(
        'throwaway appliance',
        await createThrowaway({ runner, env, clock, parentFolder: options.parentFolder }),
        (made) => made.remove(),
      );
      dataDir = throwaway.dataDir;
      for (let run = 0; run <= RESTARTS; run++) {
        progress.step(run === 0 ? 'first start' : `start on existing data ${run}`);
        const appliance = await throwaway.serve({ worker: true, signal });
        (run === 0 ? first : existing).push(appliance.startedInMs / 1_000);
        await appliance.stop();
      }
    }
    const conclude = () => readMachineFacts(dataDir);
    const numbered = (values: readonly number[]) =>
      values.map((value, i) => [i + 1, value] as const);
    return describe(context, start, { conclude, own: true }, startedAt, {
      method:
        'Milliseconds from spawning `authctl serve` to the first 200 of /health, asked every 5 ms; with the embedded PostgreSQL and the worker.',
      options: { repeat: options.repeat, restarts: RESTARTS },
      switchedOff: [],
      notes: [],
      runs: [],
      charts: [
        {
          ...samplesChart('Each start', 'seconds', [
            { label: 'first run', points: numbered(first) },
            { label: 'existing data', points: numbered(existing) },
          ]),
          xLabel: 'start',
        },
      ],
      figures: [
        figure(
          {
            id: 'start.existing',
            label: 'Start on existing data',
            measure: 'time',
            unit: 's',
            values: existing,
          },
          atMost(EXISTING_BAR_SECONDS, 's'),
        ),
        figure(
          { id: 'start.first', label: 'First start', measure: 'time', unit: 's', values: first },
          atMost(FIRST_RUN_BAR_SECONDS, 's'),
        ),
      ],
    });
  },
};
