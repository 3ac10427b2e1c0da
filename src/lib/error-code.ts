/** The code that Node, PostgreSQL's driver or DNS gives an error, such as `ENOENT` or `42P01`. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
