import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordAudit } from '../../src/services/audit/record.ts';
import { runAuthctl } from '../cli/support/run-program.ts';
import { MASTER_KEY } from '../services/mail/mail-bench.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { runBeside } from '../support/cli.ts';

let appliance: TestAppliance;
let folder: string;
let userId: string;

beforeAll(async () => {
  folder = await mkdtemp('/tmp/authctl-audit-');
  appliance = await startAppliance();
  const body = { email: 'ada@open.example', password: 'correct horse battery' };
  userId = (await appliance.call('/v1/register', { body })).body.user.id;
  await recordAudit(appliance.core.db, {
    at: new Date(),
    action: 'user.locked',
    actor: { kind: 'operator', id: 'bob' },
    userId,
    detail: { reason: 'asked by phone' },
  });
});
afterAll(async () => {
  await appliance.stop();
  await rm(folder, { recursive: true });
});

function audit(args: string[]) {
  return runAuthctl(['audit', ...args], {
    env: {
      // The socket is in the query; the setting wants a URL with a host all the same.
      AUTHCTL_DATABASE_URL: appliance.core.store.connectionString.replace('@/', '@localhost/'),
      AUTHCTL_MASTER_KEY: MASTER_KEY,
    },
  });
}

const actionsOf = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((record) => record.user_id === userId)
    .map((record) => record.action);

test('audit list: the newest first, the registration among them', async () => {
  const { code, stdout } = await audit(['list', '--user', userId, '--json']);
  expect(code).toBe(0);
  const { records } = JSON.parse(stdout);
  expect(records).toMatchObject([
    { action: 'user.locked', actor_kind: 'operator', actor_id: 'bob', user_id: userId },
    { action: 'user.registered', actor_kind: 'anonymous', ip: '127.0.0.1' },
  ]);
  const table = await audit(['list', '--action', 'user.*', '--limit', '1']);
  expect(table.stdout).toContain('operator bob');
  expect(table.stdout).toContain('asked by phone');
  expect((await audit(['list', '--until', '2020-01-01'])).stdout).toContain('No records.');
});

test('audit list: a time that is none is told on one line', async () => {
  const refused = await runBeside(appliance, ['audit', 'list', '--since', 'garbage']);
  expect(refused.code).toBe(2);
  expect(refused.stderr.split('\n')).toEqual([
    'error: --since: "garbage" is not a point in time.',
    expect.stringMatching(/^hint: write 24h/),
    '',
  ]);
});

test.each([
  ['audit list', ['audit', 'list', '--user', 'nope'], '--user: "nope" is not an id.'],
  ['audit export', ['audit', 'export', '--user', 'ADA'], '--user: "ADA" is not an id.'],
  ['events list', ['events', 'list', '--user', 'nope'], '--user: "nope" is not an id.'],
  ['events replay', ['events', 'replay', '--user', 'nope'], '--user: "nope" is not an id.'],
  ['events replay', ['events', 'replay', 'nope', '--yes'], '"nope" is not an id.'],
  ['mail list', ['mail', 'list', '--user', 'nope'], '--user: "nope" is not an id.'],
  ['users list', ['users', 'list', '--cursor', 'garbage'], '--cursor: "garbage" is not an id.'],
])('%s: an id that is none is no empty answer', async (_, args, message) => {
  const refused = await runBeside(appliance, args);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toMatch(/\nhint: \S/);
  expect(refused.stderr.split('\n')[0]).toBe(`error: ${message}`);
});

test.each(['audit', 'events', 'users'])('%s list: the same words for a time', async (topic) => {
  for (const time of ['1h', '2026-03-01', '2026-03-01T12:00:00Z']) {
    const args = [topic, 'list', '--since', time, '--until', '0s'];
    expect(await runBeside(appliance, args)).toMatchObject({ code: 0, stderr: '' });
  }
  for (const time of ['garbage', '2026-02-30']) {
    const refused = await runBeside(appliance, [topic, 'list', '--until', time]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('hint: write 24h');
  }
});

test('audit export: one JSON object a line, the oldest first, to standard output', async () => {
  const { code, stdout } = await audit(['export', '--since', '1h']);
  expect(code).toBe(0);
  expect(actionsOf(stdout)).toEqual(['user.registered', 'user.locked']);
});

test('audit export: with --json the lines alone, for they are JSON', async () => {
  const until = ['--until', new Date().toISOString()];
  const [plain, json] = await Promise.all([
    audit(['export', ...until]),
    audit(['export', ...until, '--json']),
  ]);
  expect(json).toEqual(plain);
  expect(actionsOf(json.stdout)).toEqual(['user.registered', 'user.locked']);
});

test('audit export: to a new file that only its owner can read, never over an old one', async () => {
  const file = join(folder, 'audit.ndjson');
  const { code, stdout } = await audit(['export', '--user', userId, '--out', file, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ records: 2, file });
  expect(actionsOf(await readFile(file, 'utf8'))).toEqual(['user.registered', 'user.locked']);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const again = await audit(['export', '--out', file]);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('exists');
});
