import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runAuthctl } from '../cli/support/run-program.ts';
import { query } from '../db/embedded/members.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { runBeside } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { QUICK_SIGN_IN, signUp, statusOfMe } from '../support/sign-in.ts';

let node: TestAppliance;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
});
afterAll(() => node.stop());

const run = (...args: string[]) => runBeside(node, ['keys', ...args]);

async function json(...args: string[]) {
  const { code, stdout } = await run(...args, '--json');
  return { code, body: JSON.parse(stdout) };
}

async function kidOf(status: string, kind = 'signing'): Promise<string> {
  const rows = await node.sql<{ kid: string }>(
    'SELECT kid FROM keys WHERE kind = $1 AND status = $2',
    [kind, status],
  );
  return rows[0]!.kid;
}

test('list and export show every key and no secret, for people and for programs', async () => {
  const [plain, { body }, exported, paserks, published, sealed] = await Promise.all([
    run('list'),
    json('list'),
    json('export'),
    run('export'),
    node.call('/v1/keys'),
    node.sql<{ kid: string; sealed: Buffer }>('SELECT kid, sealed FROM keys'),
  ]);
  const listed = body.keys.map(({ kind, status }: Record<string, string>) => `${kind} ${status}`);
  expect(listed.sort()).toEqual([
    'code active',
    'data active',
    'pepper active',
    'refresh active',
    'signing active',
    'signing next',
  ]);
  for (const { kid, sealed: bytes } of sealed) {
    expect(plain.stdout).toContain(kid);
    expect(JSON.stringify(body)).not.toContain(bytes.toString('base64'));
    expect(JSON.stringify(body)).not.toContain(bytes.toString('hex'));
  }
  expect(exported.body).toEqual({ issuer: node.core.issuer, keys: published.body.keys });
  const lines = published.body.keys.map(({ paserk }: { paserk: string }) => paserk);
  expect(paserks.stdout.trim().split('\n')).toEqual(lines);
});

test('keys rotate and retire, from a terminal, while a node serves', async () => {
  const user = await signUp(node);
  const [old, next] = [await kidOf('active'), await kidOf('next')];
  const dry = await json('rotate', '--dry-run', '--grace', '1h');
  expect(dry).toMatchObject({ code: 0, body: { dry_run: true, active_kid: next, next_kid: null } });
  const rotated = await run('rotate', '--grace', '1h');
  expect(rotated).toMatchObject({ code: 0, stderr: '' });
  expect(rotated.stdout).toContain(`${next} is now the active signing key`);
  expect(await statusOfMe(node, user.access)).toBe(200);

  const [unsure, active, unknown] = await Promise.all([
    run('retire', old),
    json('retire', next, '--yes'),
    json('retire', 'k4.pid.nobody', '--yes'),
  ]);
  expect(unsure).toMatchObject({ code: 2, stdout: '' });
  expect(unsure.stderr).toContain('--yes');
  expect(active).toMatchObject({ code: 1, body: { error: { code: 'conflict' } } });
  expect(unknown).toMatchObject({
    code: 1,
    body: { error: { code: 'not_found', hint: 'authctl keys list' } },
  });
  expect(await json('retire', old, '--yes')).toEqual({
    code: 0,
    body: { kid: old, dry_run: false },
  });
  await eventually(
    'the node refuses what it signed',
    async () => (await statusOfMe(node, user.access)) === 401,
    3_000,
  );
  const audits = await node.sql<{ action: string; actor_kind: string }>(
    `SELECT action, actor_kind FROM audit WHERE action LIKE 'key.%' ORDER BY at, id`,
  );
  expect(audits).toEqual([
    { action: 'key.signing_rotated', actor_kind: 'cli' },
    { action: 'key.retired', actor_kind: 'cli' },
  ]);
});

test('keys rotate: a grace shorter than tokens live is taken, with a warning', async () => {
  const warning = 'Access tokens live 15m; those of the old key end with its grace, in 1m';
  const plain = await run('rotate', '--grace', '1m', '--dry-run');
  expect(plain).toMatchObject({ code: 0, stderr: expect.stringMatching(/^warning: [^\n]*\n$/) });
  expect(plain.stderr).toContain(warning);
  const short = await run('rotate', '--grace', '1m', '--dry-run', '--json');
  expect(short.stderr).toBe('');
  expect(JSON.parse(short.stdout).warnings).toEqual([expect.stringContaining(warning)]);
  const long = await json('rotate', '--grace', '15m', '--dry-run');
  expect(long.body.warnings).toEqual([]);
  const pepper = await json('rotate', '--kind', 'pepper', '--dry-run');
  expect(pepper.body.warnings).toEqual([]);
});

test('keys rotate --kind code: receivers that verify with a secret made from it are named', async () => {
  const warningsWith = async (env: Record<string, string>) => {
    const rotated = await runBeside(
      node,
      ['keys', 'rotate', '--kind', 'code', '--dry-run', '--json'],
      {
        env,
      },
    );
    return JSON.parse(rotated.stdout).warnings;
  };
  const AUTHCTL_WEBHOOK_URL = 'http://127.0.0.1:9/';
  expect(await warningsWith({})).toEqual([]);
  expect(await warningsWith({ AUTHCTL_WEBHOOK_URL })).toEqual([
    expect.stringContaining('authctl events webhook-secret'),
  ]);
  const AUTHCTL_WEBHOOK_SECRET = 'a secret of at least thirty-two characters';
  expect(await warningsWith({ AUTHCTL_WEBHOOK_URL, AUTHCTL_WEBHOOK_SECRET })).toEqual([]);
});

test('keys rotate --kind pepper, and a retirement that comes too soon', async () => {
  const old = await kidOf('active', 'pepper');
  expect(await json('rotate', '--kind', 'pepper')).toMatchObject({
    code: 0,
    body: { kind: 'pepper', previous_kid: old },
  });
  const needed = await run('retire', old, '--yes');
  expect(needed).toMatchObject({ code: 1, stdout: '' });
  expect(needed.stderr).toContain('Still needed by 1 credential.');
  await node.sql('DELETE FROM users');
  const refused = await run('retire', old, '--yes');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/hint: try again in \d+ s/);
});

test('usage and configuration errors exit 2 with a hint, plain and as JSON', async () => {
  const wrong = [
    ['rotate', '--grace', 'soon'],
    ['rotate', '--kind', 'pepper', '--grace', '1m'],
    ['rotate', '--kind', 'session'],
    ['rotate', '--kind', 'master'],
    ['retire'],
  ];
  const outcomes = await Promise.all(
    wrong.map((args) => Promise.all([run(...args), json(...args)])),
  );
  for (const [plain, machine] of outcomes) {
    expect(plain).toMatchObject({ code: 2, stdout: '' });
    expect(plain.stderr).toContain('hint:');
    expect(machine).toMatchObject({ code: 2, body: { error: { hint: expect.any(String) } } });
  }
});

test('another master key is refused with exit code 2, and nothing is written', async () => {
  const rows = () =>
    Promise.all(
      ['keys', 'instance', 'audit', 'domains'].map((table) =>
        node.sql(`SELECT * FROM ${table} ORDER BY 1`),
      ),
    );
  const before = await rows();
  const wrong = { env: { AUTHCTL_MASTER_KEY: '0123456789abcdeffedcba9876543210'.repeat(2) } };
  const outcomes = await Promise.all([
    runBeside(node, ['keys', 'rotate', '--json'], wrong),
    runBeside(node, ['domains', 'add', 'wrong.example', '--json'], wrong),
    runBeside(node, ['worker', '--json'], wrong),
    runBeside(node, ['serve', '--port', '0', '--management-port', '0', '--json'], wrong),
  ]);
  for (const { code, stdout } of outcomes) {
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error.code).toBe('key_mismatch');
  }
  expect(await rows()).toEqual(before);
  const [instance] = await node.sql<{ master_kid: string }>('SELECT master_kid FROM instance');
  expect(JSON.parse(outcomes[0]!.stdout).error.hint).toContain(` to ${instance!.master_kid}: `);
});

test('a rotation of the master key says what is left to do', async () => {
  const NEXT = { env: { AUTHCTL_MASTER_KEY_NEXT: '0123456789abcdeffedcba9876543210'.repeat(2) } };
  const rotate = (...more: string[]) =>
    runBeside(node, ['keys', 'rotate', '--kind', 'master', ...more], NEXT);
  expect((await rotate('--dry-run')).stdout).not.toContain('Now');
  const { stdout } = await rotate();
  expect(stdout).toContain('is now the active master key');
  expect(stdout).toContain('Now make it AUTHCTL_MASTER_KEY on every node');
});

describe('a generated master key', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp('/tmp/authctl-keys-');
  });
  afterAll(() => rm(dataDir, { recursive: true }));

  test('five first starts at once make one key file and one set of keys', async () => {
    const { connectionString, drop } = await createTestDatabase();
    const env = {
      AUTHCTL_DATABASE_URL: connectionString.replace('@/', '@localhost/'),
      AUTHCTL_DATA_DIR: dataDir,
    };
    const starts = await Promise.all(
      Array.from({ length: 5 }, () => runAuthctl(['keys', 'export', '--json'], { env })),
    );
    expect(starts.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(new Set(starts.map(({ stdout }) => stdout)).size).toBe(1);
    const counts = await query(
      connectionString,
      `SELECT kind, status, count(*)::int AS count FROM keys GROUP BY 1, 2 HAVING count(*) > 1`,
    );
    expect(counts).toEqual([]);

    const file = join(dataDir, 'master.key');
    const secret = (await readFile(file, 'utf8')).trim();
    await chmod(file, 0o640);
    const refused = await runAuthctl(['keys', 'list'], { env });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(`chmod 600 ${file}`);
    expect(refused.stderr).not.toContain(secret);

    await chmod(file, 0o600);
    const rotated = await runAuthctl(['keys', 'rotate', '--kind', 'master', '--json'], { env });
    expect(JSON.parse(rotated.stdout)).toMatchObject({ kind: 'master', dry_run: false });
    const again = await runAuthctl(['keys', 'rotate', '--kind', 'master'], { env });
    expect(again.stdout).toContain(`Copy ${file} away`);
    expect((await readFile(file, 'utf8')).trim()).not.toBe(secret);
    expect((await runAuthctl(['keys', 'list'], { env })).code).toBe(0);
    await drop();
  });
});
