import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';

test('the package root is where the data model and the migrations are', () => {
  expect(existsSync(join(packageRoot(), 'prisma/schema.prisma'))).toBe(true);
  expect(existsSync(join(packageRoot(), 'prisma/migrations'))).toBe(true);
});
