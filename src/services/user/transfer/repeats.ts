import type { FieldError } from '../../../errors.ts';
import type { ImportRow } from './insert-users.ts';

/**
 * Remembers the identifiers of an import's lines, to find those that come twice; about 100 bytes of
 * memory a line.
 */
export function createRepeats() {
  const lineOf = new Map<string, number>();
  return {
    /** The identifiers of a line that an earlier line has; it remembers the line's own. */
    check(line: number, row: ImportRow): FieldError[] {
      const identifiers = [
        ['/id', row.givenId],
        ['/email', row.email],
        ['/username', row.usernameKey],
      ] as const;
      return identifiers.flatMap(([pointer, value]) => {
        if (value === null) return [];
        const key = `${pointer} ${value}`;
        const earlier = lineOf.get(key);
        if (earlier === undefined) lineOf.set(key, line);
        if (earlier === undefined) return [];
        return [{ pointer, code: 'repeated', detail: `Line ${earlier} has the same.` }];
      });
    },
  };
}
