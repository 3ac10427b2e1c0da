/** The ends of words: `memoryKib`, but not within `PostgreSQL`. */
const HUMP = /(?<=[a-z0-9])[A-Z](?=[a-z])/g;

/** A copy of plain data whose keys, at any depth, are in snake_case, as in all JSON of ours. */
export function withSnakeCaseKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSnakeCaseKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [toSnakeCase(key), withSnakeCaseKeys(inner)]),
  );
}

function toSnakeCase(name: string): string {
  return name.replace(HUMP, '_$&').replaceAll(' ', '_').toLowerCase();
}
