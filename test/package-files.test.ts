import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../src/lib/package-root.ts';

const root = packageRoot();
const packed = listPacked();

test('what the documents of the package link to is in the package', () => {
  const missing = packed
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) => linksOf(path).filter((target) => !isPacked(target)));
  expect(missing).toEqual([]);
});

test('what the program reads when it runs is in the package; what only builds or tests it is not', () => {
  expect(packed).toEqual(
    expect.arrayContaining([
      'bin/run.js',
      'assets/common-passwords.txt',
      'config/authctl.yaml',
      'dist/api-reference.js.gz',
      'dist/sbom.cdx.json',
      'oclif.manifest.json',
      'prisma/schema.prisma',
      'prisma/migrations/migration_lock.toml',
    ]),
  );
  const kept = packed.filter((path) => /^(test|scripts|src|commands)\/|\.test\./.test(path));
  expect(kept).toEqual([]);
});

test('npm may link the libraries of PostgreSQL on every platform', () => {
  const { optionalDependencies, allowScripts } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const all = Object.keys(optionalDependencies).map((name) => [name, true]);
  expect(allowScripts).toMatchObject(Object.fromEntries(all));
});

/** As `npm pack` would put them into the archive; nothing is built for it. */
function listPacked(): string[] {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const [{ files }] = JSON.parse(stdout);
  return files.map(({ path }: { path: string }) => path);
}

/** Paths that a Markdown file links to, from the root; links into the web are somebody else's. */
function linksOf(path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  return [...text.matchAll(/\]\(([^)#\s]+)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => relative(root, join(root, dirname(path), target)));
}

function isPacked(target: string): boolean {
  return (
    existsSync(join(root, target)) && packed.some((path) => `${path}/`.startsWith(`${target}/`))
  );
}
