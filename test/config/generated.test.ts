import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { SETTING_NAMES } from '../../config/names.ts';
import { renderMarkdown, renderYaml } from '../../scripts/generate-docs.ts';
import { packageRoot } from '../../src/lib/package-root.ts';

const read = (path: string) => readFileSync(join(packageRoot(), path), 'utf8');

test('the generated files are what the table of settings says', () => {
  expect(read('docs/configuration.md')).toBe(renderMarkdown());
  expect(read('config/authctl.yaml')).toBe(renderYaml());
});

test('the shipped configuration file changes nothing, and names every setting once', () => {
  const text = read('config/authctl.yaml');
  expect(parse(text)).toBeNull();
  const uncommented = text.replaceAll(/^#(?=[a-z])/gm, '');
  expect(Object.keys(parse(uncommented))).toEqual(SETTING_NAMES);
});
