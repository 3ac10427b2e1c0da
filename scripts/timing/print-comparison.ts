import type { Measured } from './measure.ts';
import type { Question } from './questions.ts';
import { compareTimes, median, settled } from './statistics.ts';

const HEADINGS = [
  'class',
  'median',
  'difference',
  'Mann–Whitney p',
  'attacker, 20 probes',
  '503',
  '',
];

/** Prints how alike the classes of a question are, as a Markdown table. */
export function printComparison(
  { title, classes, notJudged = [] }: Question,
  results: ReadonlyMap<string, Measured>,
  print: (line: string) => void,
): void {
  const [reference, ...others] = classes.map(({ name }) => ({ name, ...results.get(name)! }));
  const row = (cells: readonly (string | number)[]) => print(`| ${cells.join(' | ')} |`);
  print(`### ${title}\n`);
  row(HEADINGS);
  print(`|${'---|'.repeat(HEADINGS.length)}`);
  row([
    reference!.name,
    inMs(median(settled(reference!.times))),
    '',
    '',
    '',
    reference!.refused,
    '',
  ]);
  for (const { name, times, refused } of others) {
    const found = compareTimes(reference!.times, times);
    row([
      name,
      inMs(found.medianMs),
      `${found.differenceMs >= 0 ? '+' : ''}${inMs(found.differenceMs)}`,
      found.pValue.toFixed(3),
      `${(100 * found.attackerAccuracy).toFixed(0)} %`,
      refused,
      notJudged.includes(name) ? 'not judged' : found.isPassed ? 'pass' : '**fail**',
    ]);
  }
  print('');
}

const inMs = (ms: number) => `${ms.toFixed(2)} ms`;
