/**
 * One spelling for comparing passwords with words: compatibility forms (full-width letters, ligatures)
 * and case make no difference to who guesses. Only for comparing: what is hashed is never folded.
 */
export function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** The length of a text as people count it, more or less: an emoji of one code point is one. */
export function countCodePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
