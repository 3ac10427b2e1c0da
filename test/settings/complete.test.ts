import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { envName, SETTING_NAMES } from '../../config/names.ts';
import { packageRoot } from '../../src/lib/package-root.ts';

const FOLDER = join(packageRoot(), 'test');
/** Tests of how settings are read: what they start need not obey. */
const READERS = /^(config|cli)\//;

const sources = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !READERS.test(path))
  .map((path) => readFileSync(join(FOLDER, path), 'utf8'))
  .join('\n');

/** Whether something sets the variable; that of a secret may name its file. */
function isSet(variable: string): boolean {
  return new RegExp(`\\b${variable}(_FILE)?[:=]`).test(sources);
}

// One that is declared, documented and read, and that the running program never asks, looks like any other.
test('every setting is set by its variable on something that runs', () => {
  expect(SETTING_NAMES.map(envName).filter((variable) => !isSet(variable))).toEqual([]);
});
