import { AppError } from '../../errors.ts';
import { formatQuantity } from './number.ts';

/** One figure in two results, as `authctl bench compare --json` prints it. */
export interface Difference {
  readonly id: string;
  readonly label: string;
  readonly before: string;
  readonly after: string;
  /** (after - before) / before; null where there was nothing to compare with. */
  readonly change: number | null;
  /** Whether the change is larger than what the runs of either side differ among themselves. */
  readonly is_beyond_noise: boolean;
}

interface ComparedFigure {
  readonly id: string;
  readonly label: string;
  readonly value: number;
  readonly unit: string;
  readonly repeats?: { readonly spread: number; readonly values: readonly number[] };
}

/**
 * Compares the figures of two results written with `--json`.
 * @param before,after texts of the two files
 * @throws AppError `usage` where one is no result, or they are of different benchmarks
 */
export function compareResults(before: string, after: string): Difference[] {
  const [old, new_] = [readResult(before, 'first'), readResult(after, 'second')];
  if (old.name !== new_.name) {
    throw new AppError('usage', {
      text: `These are results of different benchmarks: ${old.name} and ${new_.name}.`,
    });
  }
  const earlier = new Map(old.figures.map((figure) => [figure.id, figure]));
  return new_.figures.flatMap((figure) => {
    const other = earlier.get(figure.id);
    return other ? [compare(other, figure)] : [];
  });
}

function compare(old: ComparedFigure, figure: ComparedFigure): Difference {
  const change = old.value === 0 ? null : (figure.value - old.value) / old.value;
  const noise = Math.max(old.repeats?.spread ?? 0, figure.repeats?.spread ?? 0);
  return {
    id: figure.id,
    label: figure.label,
    before: formatQuantity(old.value, old.unit),
    after: formatQuantity(figure.value, figure.unit),
    change,
    is_beyond_noise: change !== null && Math.abs(change) > noise,
  };
}

function readResult(text: string, which: string): { name: string; figures: ComparedFigure[] } {
  try {
    const result: unknown = JSON.parse(text);
    if (isResult(result)) return result;
  } catch {
    // Not JSON is the same mistake as the wrong JSON.
  }
  throw new AppError('usage', {
    text: `The ${which} file is not the result of a benchmark.`,
    hint: 'write one with: authctl bench login --json > before.json',
  });
}

function isResult(value: unknown): value is { name: string; figures: ComparedFigure[] } {
  if (typeof value !== 'object' || value === null) return false;
  if (!('name' in value) || !('figures' in value) || !Array.isArray(value.figures)) return false;
  return typeof value.name === 'string' && value.figures.every(isFigure);
}

function isFigure(value: unknown): value is ComparedFigure {
  if (typeof value !== 'object' || value === null) return false;
  const has = (name: string, type: string) => typeof Reflect.get(value, name) === type;
  return (
    has('id', 'string') && has('label', 'string') && has('value', 'number') && has('unit', 'string')
  );
}
