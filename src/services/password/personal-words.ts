import { countCodePoints, fold } from './fold.ts';
import type { PasswordContext } from './policy.ts';

/** A shorter word is in too many passwords by chance. */
const SHORTEST_WORD = 4;
/** What must be left of a password without the words that can be guessed. */
const LEAST_REMAINDER = 8;

/**
 * The guessable words of some names: each name whole, without its punctuation, and its parts, with
 * and without their digits (`ada.lovelace99` gives `adalovelace99`, `lovelace99`, `lovelace` too).
 */
export function wordsOf(names: readonly string[]): string[] {
  const words = names.map(fold).flatMap((name) => {
    const parts = name.split(/[^\p{L}\p{N}]+/u);
    return [name, parts.join(''), ...parts, ...name.split(/[^\p{L}]+/u)];
  });
  return [...new Set(words)].filter((word) => countCodePoints(word) >= SHORTEST_WORD);
}

/** The words that whoever knows a user tries: local part, domain without its top level, username. */
export function personalWords({ email, username }: PasswordContext): string[] {
  const [local = '', domain = ''] = email?.split('@') ?? [];
  const labels = domain.split('.').slice(0, -1);
  return [...wordsOf([local, username ?? '', ...labels]), ...(domain ? [domain] : [])];
}

/** Whether fewer than 8 code points of a password are left without these words. */
export function isBuiltOn(password: string, words: readonly string[]): boolean {
  const whole = fold(password);
  // Longest first: `lovelace` taken out of `adalovelace` would leave `ada` behind.
  const found = words
    .filter((word) => whole.includes(word))
    .toSorted((left, right) => right.length - left.length);
  if (found.length === 0) return false;
  const rest = found.reduce((text, word) => text.replaceAll(word, ''), whole);
  return countCodePoints(rest) < LEAST_REMAINDER;
}
