import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/lib/package-root.ts';
import { BACKUP_TABLES, LEFT_OUT } from '../../../src/services/backup/tables.ts';

const catalogue = JSON.parse(
  readFileSync(join(packageRoot(), 'prisma/catalogue.json'), 'utf8'),
) as Record<string, { persistence: string; constraints: Record<string, string> }>;
const names = BACKUP_TABLES.map(({ name }) => name);

test('every table is either in a backup or left out on purpose', () => {
  expect(new Set([...names, ...LEFT_OUT])).toEqual(new Set(Object.keys(catalogue)));
  expect(new Set(names).size).toBe(names.length);
});

test('what is left out is what a crash of the database may lose too', () => {
  const unlogged = Object.keys(catalogue).filter(
    (name) => catalogue[name]?.persistence === 'unlogged',
  );
  expect(new Set(unlogged)).toEqual(new Set(LEFT_OUT));
});

test('tables come after those they refer to', () => {
  for (const [index, name] of names.entries()) {
    const definitions = Object.values(catalogue[name]?.constraints ?? {}).join('\n');
    const targets = [...definitions.matchAll(/REFERENCES (\w+)/g)].map((match) => match[1]!);
    for (const target of targets)
      expect(names.indexOf(target), `${name} -> ${target}`).toBeLessThan(index);
  }
});
