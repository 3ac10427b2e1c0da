/** A key is the client's own text: an answer repeats this much of it and no more. */
const MAX_SHOWN_KEY = 64;

/** Writes one key as a reference token of a JSON pointer (RFC 6901 §3), shortened to 64 characters. */
export function escapePointer(key: string): string {
  return key.slice(0, MAX_SHOWN_KEY).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
}
