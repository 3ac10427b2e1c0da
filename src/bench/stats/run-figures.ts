import type { Figure, RunSummary } from '../result.ts';
import { figure, none } from './figure.ts';
import { countErrors } from './run-summary.ts';

const LIST = new Intl.ListFormat('en-GB');

/** How many requests of all runs got another answer than the expected ones, or none at all. */
export function errorsFigure(
  benchmark: string,
  runs: readonly RunSummary[],
  expected: readonly number[],
): Figure {
  const label = `Errors (anything but ${LIST.format(expected.map(String))})`;
  const values = [runs.reduce((sum, run) => sum + countErrors(run, expected), 0)];
  return figure({ id: `${benchmark}.errors`, label, measure: 'count', unit: '', values }, none());
}

/** What a request takes while no other is under way. */
export function singleFigure(benchmark: string, { accepted }: RunSummary): Figure {
  return figure({
    id: `${benchmark}.single.p50`,
    label: 'One at a time, median',
    measure: 'latency',
    unit: 'ms',
    values: [accepted.p50],
  });
}
