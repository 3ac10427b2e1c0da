import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runAuthctl } from './support/run-program.ts';

test('the cost of each request is measured one at a time, and says what it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-cost-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { code, stdout, stderr } = await runAuthctl([
    ...['bench', 'cost', '--requests', '3', '--folder', folder, '--json'],
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  const figures = new Map<string, { measure: string; value: number; unit: string }>(
    report.figures.map((figure: { id: string }) => [figure.id, figure]),
  );
  expect(figures.get('cost.errors')).toMatchObject({ value: 0, bar: { passed: true } });
  expect(new Set(report.figures.map(({ measure }: { measure: string }) => measure))).toEqual(
    new Set(['latency', 'time', 'size', 'count']),
  );
  for (const kind of [
    ...['register', 'register.deferred', 'login', 'login.pending', 'refresh', 'me'],
    ...['forgot', 'forgot.verify', 'reset'],
  ]) {
    expect(figures.get(`cost.${kind}.p50`), kind).toMatchObject({ measure: 'latency', unit: 'ms' });
    for (const part of ['p50', 'p95', 'request', 'response'])
      expect(figures.get(`cost.${kind}.${part}`)?.value, `${kind} ${part}`).toBeGreaterThan(0);
  }
  // Those that do more than an idle process does in the same time, however few they are.
  for (const part of ['cpu', 'wal', 'transactions'])
    expect(figures.get(`cost.login.${part}`)?.value, part).toBeGreaterThan(0);
  expect(report.runs.map(({ connections }: { connections: number }) => connections)).toEqual(
    Array(9).fill(1),
  );
  expect(await readdir(folder)).toEqual([]);
}, 240_000);
