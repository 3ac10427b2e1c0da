/**
 * Writes `assets/common-passwords.txt` from a list of passwords, the most used first:
 * `node scripts/common-passwords.ts <list>`. For each minimum length that can be configured, its
 * 3,000 most used passwords of at least that length are taken (ASVS 6.2.4), folded as they are
 * compared, in their order.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countCodePoints, fold } from '../src/services/password/fold.ts';

const SHORTEST = 8;
const LONGEST = 64;
const PER_LENGTH = 3_000;

const [source] = process.argv.slice(2);
if (source === undefined) throw new Error('name the list to read');

const takenOf = new Map<number, number>();
const taken = new Set<string>();
for (const password of readFileSync(source, 'utf8').split(/\r?\n/)) {
  if (isNeeded(countCodePoints(password))) taken.add(fold(password));
}
const target = join(import.meta.dirname, '../assets/common-passwords.txt');
writeFileSync(target, `${[...taken].join('\n')}\n`);

/** Whether a password of this length is among the first of any minimum it satisfies; counts it. */
function isNeeded(length: number): boolean {
  let isFirst = false;
  for (let minimum = SHORTEST; minimum <= Math.min(length, LONGEST); minimum += 1) {
    const count = takenOf.get(minimum) ?? 0;
    if (count === PER_LENGTH) continue;
    takenOf.set(minimum, count + 1);
    isFirst = true;
  }
  return isFirst;
}
