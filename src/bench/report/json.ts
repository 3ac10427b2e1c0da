import { allPassed, type BenchResult } from '../result.ts';

/** The result as programs read it: everything measured, and whether every bar was reached. */
export function toJson(result: BenchResult): string {
  return `${JSON.stringify({ ...result, passed: allPassed(result) }, null, 2)}\n`;
}
