import type { Figure, RunSummary } from '../result.ts';
import { atLeast, figure, figureOf, none } from '../stats/figure.ts';
import { countStatus } from '../stats/run-summary.ts';

/** What one registration costs besides time: CPU of the API, log of the database, bytes on the wire. */
export function costFigures(runs: readonly RunSummary[], wal: readonly number[]): Figure[] {
  const cpu = runs.flatMap((run) =>
    run.cpu['API'] === undefined ? [] : [(run.cpu['API'] / run.throughput) * 1e6],
  );
  const bytes = runs.map((run) => run.requestBytes + run.responseBytes);
  return [
    ...cpuFigure(cpu),
    ...(wal.length === 0
      ? []
      : [
          figure({
            id: 'registration.wal',
            label: 'Write-ahead log of one registration',
            measure: 'size',
            unit: 'B',
            values: wal,
          }),
        ]),
    figure({
      id: 'registration.bytes',
      label: 'One request and its answer on the wire',
      measure: 'size',
      unit: 'B',
      values: bytes,
    }),
  ];
}

function cpuFigure(values: readonly number[]): Figure[] {
  if (values.length === 0) return [];
  const label = 'CPU time of the API for one registration';
  return [figure({ id: 'registration.cpu', label, measure: 'time', unit: 'µs', values })];
}

/** A repeated address is refused, every other one accepted, and the load hardly notices. */
export function duplicateFigures(
  run: RunSummary,
  base: readonly number[],
  share: number,
): Figure[] {
  const { unique = 0, repeated = 0 } = run.counters;
  const wrong = Math.abs(countStatus(run, 409) - repeated);
  const refused = Math.abs(countStatus(run, 201) - unique);
  const percent = `${share * 100} % duplicates`;
  return [
    figureOf(
      {
        id: 'registration.duplicates.throughput',
        label: `Answers with ${percent}`,
        measure: 'throughput',
        unit: '/s',
        values: [run.throughput],
      },
      'the same without duplicates',
      base,
      atLeast(0.95, 'of the load without'),
    ),
    figure(
      {
        id: 'registration.duplicates.wrong',
        label: `Wrong answers with ${percent}`,
        measure: 'count',
        unit: '',
        values: [wrong + refused],
      },
      none(),
    ),
  ];
}
