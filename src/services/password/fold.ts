/**
 * One spelling for comparing passwords with words: compatibility forms (full-width letters, ligatures)
 * and case make no difference to who guesses. Only for comparing: what is hashed is never folded.
 */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** Reads the digits and signs that people write for letters: `p@ssw0rd` is `password`. */
export function toLetters(word: string): string {
  return word.replace(SIGNS_FOR_LETTERS, (sign) => LETTER_OF[sign] ?? sign);
}

const SIGNS_FOR_LETTERS = /[@431!0$57]/g;
const LETTER_OF: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
};

/** The length of a text as people count it, more or less: an emoji of one code point is one. */
export function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
