import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { END_REASONS } from '../../src/services/session/end.ts';

test('the page explains every reason that a session may end for', () => {
  const page = readFileSync(join(packageRoot(), 'docs/events.md'), 'utf8');
  const [, table = ''] = /The `reason` of a `session\.revoked`:\n\n([\s\S]+?)\n\n/.exec(page) ?? [];
  const explained = [...table.matchAll(/`(\w+)`/g)].map(([, reason]) => reason);
  expect(explained).toHaveLength(END_REASONS.length);
  expect(new Set(explained)).toEqual(new Set(END_REASONS));
});
