import { withSnakeCaseKeys } from '../../lib/snake-case.ts';
import { allPassed, type BenchResult } from '../result.ts';

/** A result as programs read it: everything measured, and whether every bar was reached. */
export type BenchReport = Readonly<Record<string, unknown>> & { readonly passed: boolean };

export function presentResult(result: BenchResult): BenchReport {
  return Object.assign({}, withSnakeCaseKeys(result), { passed: allPassed(result) });
}

/** The text of a file that `authctl bench compare` reads. */
export function toJson(result: BenchResult): string {
  return `${JSON.stringify(presentResult(result), null, 2)}\n`;
}
