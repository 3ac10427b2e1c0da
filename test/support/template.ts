/** The database that every test database is a clone of. */
export const TEMPLATE = 'authctl_template';

/** The URL of another database of the same server. */
export function databaseUrl(url: string, name: string): string {
  return url.replace(/\/[^/?]*\?/, `/${name}?`);
}
