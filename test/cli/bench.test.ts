import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { eventually } from '../support/eventually.ts';
import { runAuthctl } from './support/run-program.ts';

const RUNNER = join(packageRoot(), 'bin/run.js');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-test-'));
});

afterAll(() => rm(folder, { recursive: true }));

test('a benchmark measures a throwaway appliance, reports, and leaves nothing behind', async () => {
  const html = join(folder, 'out', 'refresh.html');
  const load = ['--connections', '4', '--duration', '1s', '--folder', folder];
  const { code, stdout, stderr } = await runAuthctl(
    ['bench', 'refresh', ...load, '--html', html, '--json'],
    // Neither reaches the throwaway: it has settings of its own.
    { env: { AUTHCTL_LOG_LEVEL: 'fatal', AUTHCTL_PORT: '1' } },
  );
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ name: 'refresh', options: { connections: 4, duration: '1s' } });
  const errors = report.figures.find(({ id }: { id: string }) => id === 'refresh.errors');
  expect(errors).toMatchObject({ value: 0, bar: { passed: true } });
  expect(report.machine.settings).toContain('AUTHCTL_LIMITS=off');
  const { settings, activity } = report.machine.database;
  expect(settings).toMatchObject({ fsync: 'on', shared_buffers: '64MB' });
  // Each refresh is one durable change of one row.
  const [{ sent }] = report.runs;
  expect(activity.rows_updated).toBeGreaterThanOrEqual(sent);
  expect(activity.wal_bytes).toBeGreaterThan(sent * 24);
  expect(await readFile(html, 'utf8')).toContain('Token refresh');
  expect(await readdir(folder)).toEqual(['out']);
}, 120_000);

test('an interrupted benchmark exits 130 and leaves nothing behind', async () => {
  const args = ['bench', 'memory', '--folder', folder, '--duration', '60s'];
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [RUNNER, ...args], {
    env: { PATH, HOME },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  await eventually('the throwaway has a database', async () => {
    const [made] = (await readdir(folder)).filter((name) => name.startsWith('authctl-bench-'));
    return made !== undefined && existsSync(join(folder, made, 'data/postgres/postmaster.pid'));
  });
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect((await readdir(folder)).filter((name) => name !== 'out')).toEqual([]);
}, 120_000);
