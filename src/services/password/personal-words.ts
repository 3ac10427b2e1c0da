import { countCodePoints, fold, toLetters } from './fold.ts';
import type { PasswordContext } from './policy.ts';

/** A shorter word is in too many passwords by chance. */
const SHORTEST_WORD = 4;
/** What must be left of a password without the words that can be guessed. */
const LEAST_REMAINDER = 8;

// ASCII only: ten times as fast as Unicode classes, in what every registration runs.
const SIGNS = /[\s!-/:-@[-`{-~]+/;
const SIGNS_OR_DIGITS = /[\s!-@[-`{-~]+/;

/**
 * The guessable words of some names: each name whole, without its signs, and its parts, with and
 * without their digits (`ada.lovelace99` gives `adalovelace99`, `lovelace99` and `lovelace` too).
 */
export function wordsOf(names: readonly string[]): string[] {
  const words: string[] = [];
  for (const name of names.map(fold)) {
    words.push(name);
    if (!SIGNS_OR_DIGITS.test(name)) continue;
    words.push(...name.split(SIGNS_OR_DIGITS));
    if (!SIGNS.test(name)) continue;
    const parts = name.split(SIGNS);
    words.push(parts.join(''), ...parts);
  }
  return words.filter((word) => countCodePoints(word) >= SHORTEST_WORD);
}

/** The words that whoever knows a user tries: local part, domain without its top level, username. */
export function personalWords({ email, username }: PasswordContext): string[] {
  const names = username === null ? [] : [username];
  if (email === null) return wordsOf(names);
  const at = email.indexOf('@');
  const domain = email.slice(at + 1);
  const labels = domain.slice(0, domain.lastIndexOf('.')).split('.');
  return [domain, ...wordsOf([email.slice(0, at), ...labels, ...names])];
}

/** Whether fewer than 8 code points of a password are left without these words, also as `l0vel4ce`. */
export function isBuiltOn(password: string, words: readonly string[]): boolean {
  const folded = fold(password);
  return leavesLittle(folded, words) || leavesLittle(toLetters(folded), words);
}

function leavesLittle(whole: string, words: readonly string[]): boolean {
  // Longest first: `lovelace` taken out of `adalovelace` would leave `ada` behind.
  const found = words
    .filter((word) => whole.includes(word))
    .toSorted((left, right) => right.length - left.length);
  if (found.length === 0) return false;
  const rest = found.reduce((text, word) => text.replaceAll(word, ''), whole);
  return countCodePoints(rest) < LEAST_REMAINDER;
}
