import type { Answer } from './appliance.ts';

/** How many answers there were of each kind: `ok`, else the code of the problem. */
export function tally(answers: readonly Answer[]): Partial<Record<string, number>> {
  const counts: Partial<Record<string, number>> = {};
  for (const { status, body } of answers) {
    const kind = status < 300 ? 'ok' : String(body.code);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
