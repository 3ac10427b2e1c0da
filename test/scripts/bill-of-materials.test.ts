import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type LockFile, makeBillOfMaterials } from '../../scripts/bill-of-materials.ts';
import { packageRoot } from '../../src/lib/package-root.ts';

const root = packageRoot();
const readJson = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const lock: LockFile = readJson('package-lock.json');
const bill = makeBillOfMaterials(lock);

test('the build carries it', () => {
  expect(readJson('dist/sbom.cdx.json')).toEqual(JSON.parse(JSON.stringify(bill)));
});

test('what is installed with the program is in it, in the version that is installed; what builds or tests it is not', () => {
  const listed = new Set(bill.components.map(({ purl }) => purl));
  expect(listed.size).toBe(bill.components.length);
  const expected = new Set<string>();
  for (const [folder, { dev }] of Object.entries(lock.packages)) {
    // Those for other platforms are not here to be looked at.
    if (folder === '' || !existsSync(join(root, folder, 'package.json'))) continue;
    const { name, version } = readJson(join(folder, 'package.json'));
    const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
    if (!dev) expected.add(purl);
  }
  expect(expected.size).toBeGreaterThan(100);
  expect([...expected].filter((purl) => !listed.has(purl))).toEqual([]);
  expect([...listed].filter((purl) => /vitest|biome/.test(purl))).toEqual([]);
});

test('an entry says what a scanner asks for', () => {
  expect(bill).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 });
  expect(bill.components.find(({ name }) => name === '@koa/cors')).toEqual({
    type: 'library',
    'bom-ref': expect.stringMatching(/^pkg:npm\/%40koa\/cors@5\./),
    name: '@koa/cors',
    version: expect.stringMatching(/^5\./),
    scope: 'required',
    purl: expect.stringMatching(/^pkg:npm\/%40koa\/cors@5\./),
    licenses: [{ expression: 'MIT' }],
    hashes: [{ alg: 'SHA-512', content: expect.stringMatching(/^[0-9a-f]{128}$/) }],
  });
});
