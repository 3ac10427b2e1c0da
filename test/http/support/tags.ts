interface Document {
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Record<string, Record<string, { readonly tags: readonly string[] }>>;
}

/** The tags that the routes of an OpenAPI document have, and those that it describes. */
export function tagsOf({ tags, paths }: Document) {
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  const used = [...new Set(operations.flatMap((operation) => operation.tags))].sort();
  const described = tags.filter(({ description }) => description).map(({ name }) => name);
  return { used, described: described.sort() };
}
