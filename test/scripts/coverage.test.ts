import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';

test('coverage is reported, of all our source and of nothing that was generated', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'authctl-coverage-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const vitest = join(packageRoot(), 'node_modules/vitest/vitest.mjs');
  const report = [
    '--coverage',
    '--coverage.reporter=json-summary',
    `--coverage.reportsDirectory=${folder}`,
  ];
  await promisify(execFile)(process.execPath, [vitest, 'run', 'test/lib/size.test.ts', ...report], {
    cwd: packageRoot(),
  });

  const summary = JSON.parse(await readFile(join(folder, 'coverage-summary.json'), 'utf8'));
  const percentOf = new Map(
    Object.entries<{ lines: { pct: number } }>(summary).map(([path, { lines }]) => [
      relative(packageRoot(), path),
      lines.pct,
    ]),
  );
  expect(percentOf.get('src/lib/size.ts')).toBe(100);
  expect(percentOf.get('src/services/registration/register.ts')).toBe(0);
  expect([...percentOf.keys()].filter((path) => path.startsWith('src/db/generated'))).toEqual([]);
}, 120_000);
