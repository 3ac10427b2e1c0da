import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../lib/package-root.ts';
import { fold, toLetters } from './fold.ts';

export interface CommonPasswords {
  /**
   * Whether a password is among those tried first: on the list in any case, with the usual digits
   * for letters (`p@ssw0rd`), or with less than a password's worth of characters around it
   * (`Sunshine2026!`).
   */
  has(password: string): Promise<boolean>;
}

/**
 * The list of common passwords that ships with the program: about 18,000 entries, 1.5 MB of memory,
 * read when the first password is checked. Its source is in `assets/README.md`.
 */
export function createCommonPasswords(): CommonPasswords {
  let list: Promise<ReadonlySet<string>> | undefined;
  return {
    async has(password) {
      list ??= readList();
      const entries = await list;
      const isListed = (word: string) => entries.has(word) || entries.has(toLetters(word));
      return wordsIn(fold(password)).some(isListed);
    },
  };
}

async function readList(): Promise<ReadonlySet<string>> {
  const text = await readFile(join(packageRoot(), 'assets/common-passwords.txt'), 'utf8');
  return new Set(text.trimEnd().split('\n'));
}

/** This much around a listed word would be a password of its own. */
const MAX_DECORATION = 7;

/** A password whole, and without what may be decoration: signs at its end, digits too, at both ends. */
function wordsIn(whole: string): string[] {
  const word = trimEnd(whole, isLetter);
  const isLongEnough = (text: string) => whole.length - text.length <= MAX_DECORATION;
  return [whole, trimEnd(whole, isLetterOrDigit), word, trimStart(word, isLetter)].filter(
    isLongEnough,
  );
}

// Loops over character codes: this runs for every registration, and expressions cost ten times as much.
type Test = (code: number) => boolean;

/** Of folded text; whatever is not ASCII counts as a letter. */
const isLetter: Test = (code) => (code >= 0x61 && code <= 0x7a) || code > 0x7f;
const isLetterOrDigit: Test = (code) => isLetter(code) || (code >= 0x30 && code <= 0x39);

function trimEnd(text: string, isKept: Test): string {
  let end = text.length;
  while (end > 0 && !isKept(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

function trimStart(text: string, isKept: Test): string {
  let start = 0;
  while (start < text.length && !isKept(text.charCodeAt(start))) start += 1;
  return text.slice(start);
}
