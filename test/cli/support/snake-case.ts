const SNAKE_CASE = /^[a-z0-9]+(_[a-z0-9]+)*$/;

/** The keys of a JSON text that are not in snake_case; a text of another kind has none. */
export function findOtherKeys(text: string): string[] {
  const found: string[] = [];
  try {
    JSON.parse(text, (key, value) => {
      // The whole has the empty key.
      if (key !== '' && !SNAKE_CASE.test(key)) found.push(key);
      return value;
    });
  } catch {
    return [];
  }
  return found;
}
