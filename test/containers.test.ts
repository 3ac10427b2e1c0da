import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../src/lib/package-root.ts';

const root = packageRoot();
const read = (file: string) => readFileSync(join(root, file), 'utf8');

describe('the container image', () => {
  const dockerfile = read('Dockerfile');

  test('holds everything that the package holds for running', () => {
    const copied = [...dockerfile.matchAll(/^COPY --from=build (.+) \S+$/gm)]
      .flatMap(([, paths]) => paths!.split(' '))
      .map((path) => path.replace('/app/', ''));
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const documents = ['config/authctl.yaml', 'docs', 'examples'];
    const needed = files.filter((file) => !documents.includes(file) && !file.endsWith('.md'));
    expect(copied.sort()).toEqual([...needed, 'node_modules', 'package.json'].sort());
  });

  test('is not built from secrets, and from nothing that is missing', () => {
    const ignored = read('.dockerignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.env*', 'data', 'node_modules', '.git']));
    for (const path of ['scripts', 'prisma', 'src', 'commands', 'config', 'bin', 'assets']) {
      expect(ignored).not.toContain(path);
      expect(existsSync(join(root, path))).toBe(true);
    }
  });

  test('links the libraries of the embedded PostgreSQL of each of its platforms', () => {
    const { optionalDependencies } = JSON.parse(read('package.json'));
    const linux = Object.keys(optionalDependencies).filter((name) => name.includes('/linux-'));
    expect(linux.length).toBeGreaterThan(0);
    for (const name of linux) expect(dockerfile).toMatch(new RegExp(`npm rebuild.*${name}\\b`));
  });
});
