import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  newAddress,
  OTHER_PASSWORD,
  signIn,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { runBeside } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { mailKinds } from '../support/mailbox.ts';
import { refresh, statusOfMe } from '../support/sign-in.ts';

/** What the product promises, and what a busy machine may add to a poll of it. */
const BOUND_MS = 1_000 + 500;

// Each test starts several programs, on a machine that may be busy with others.
vi.setConfig({ testTimeout: 90_000 });

let here: TestAppliance;
let there: TestAppliance;
let folder: string;

beforeAll(async () => {
  here = await startAppliance();
  there = await startAppliance({ beside: here });
  folder = await mkdtemp(join(tmpdir(), 'authctl-users-'));
});
afterAll(async () => {
  await there.stop();
  await here.stop();
  await rm(folder, { recursive: true });
});

const users = (...args: string[]) => runBeside(here, ['users', ...args]);

async function asJson(...args: string[]) {
  const { code, stdout, stderr } = await users(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

async function expectRefused(account: { token: string; refreshToken: string }): Promise<void> {
  for (const node of [here, there]) {
    const isRefused = async () => (await statusOfMe(node, account.token)) === 401;
    await eventually('the node refuses', isRefused, BOUND_MS);
    expect((await refresh(node, account.refreshToken)).status).toBe(401);
  }
}

/** A user whose session both nodes have just looked at, so that both have it cached. */
async function knownUser() {
  const account = await createAccount(here);
  expect(await statusOfMe(here, account.token)).toBe(200);
  expect(await statusOfMe(there, account.token)).toBe(200);
  return account;
}

test('create, show and list', async () => {
  const created = await users('create', 'ada@example.com', '--email-verified', '--role', 'admin');
  expect(created.code).toBe(0);
  const password = /^password {2}(\S+) {2}\(not shown again\)$/m.exec(created.stdout)![1]!;
  await signIn(here, { email: 'ada@example.com', password });

  const { user } = await asJson('show', 'ADA@example.com');
  expect(user).toMatchObject({ role: 'admin', email_verified: true, active_sessions: 1 });
  expect((await users('show', user.id)).stdout).toContain('ada@example.com');
  const listed = await asJson('list', '--role', 'admin', '--limit', '1');
  expect(listed).toEqual({ users: [user], next_cursor: null });
  expect((await users('list', '--search', 'a_a@')).stdout).toBe('No users.\n');
  const refused = await users('create', 'ada@example.com');
  expect(refused).toMatchObject({ code: 1, stdout: '' });
});

test('a password comes from a file or standard input, and never from an argument', async () => {
  const file = join(folder, 'password');
  await writeFile(file, `${OTHER_PASSWORD}\n`);
  const created = await asJson('create', 'bob@open.example', '--password-file', file);
  expect(created.generated_password).toBeNull();
  const { token } = await signIn(here, { email: 'bob@open.example', password: OTHER_PASSWORD });

  const set = await runBeside(
    here,
    ['users', 'set-password', 'bob@open.example', '--password-stdin', '--yes'],
    { input: 'another long sentence of mine\r\n' },
  );
  expect(set).toMatchObject({ code: 0, stderr: '' });
  expect(await mailKinds(here, 'bob@open.example')).toEqual(['password_changed']);
  await eventually('it ends', async () => (await statusOfMe(here, token)) === 401, BOUND_MS);
  await signIn(here, { email: 'bob@open.example', password: 'another long sentence of mine' });

  const both = ['--password-stdin', '--password-file', file];
  expect((await users('create', 'x@open.example', ...both)).code).toBe(2);
  const missing = await users('create', 'x@open.example', '--password-file', '/nowhere');
  expect(missing).toMatchObject({ code: 2 });
  expect((await users('create', 'x@open.example', '--password', 'secret')).code).toBe(2);
});

test('what is wrong is told field by field, as it was typed, and nothing moves the cursor', async () => {
  const args = ['users', 'create', 'ada@example.com', '--password-stdin'];
  const empty = await runBeside(here, args, { input: '' });
  const several = await users('create', 'bad@@', '--username', '\u001b[2J');
  expect([empty.code, several.code]).toEqual([2, 1]);
  expect(empty.stderr).toContain('hint: without --password-file');
  expect(several.stderr.split('\n')).toEqual([
    'error: Some fields are not valid.',
    '  - email: This is not an e-mail address.',
    '  - --username: Use 3 to 32 letters, digits, dots, hyphens and underscores.',
    'hint: authctl users create --help',
    '',
  ]);
  const unknown = await users('show', 'ada\u001b[31m\u009b1m\u202e@example.com');
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toMatch(/^error: There is no user ada/);
  expect(unknown.stderr).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u);
});

test.each([
  ['a password file that is not there', 2, ['create', 'x@example.com', '--password-file', '/nope']],
  ['an import that is not there', 2, ['import', '/nope']],
  ['an import of a folder', 2, ['import', '/tmp']],
])('%s: which, why and what to do', async (_, code, args) => {
  const refused = await users(...args);
  expect(refused.code).toBe(code);
  expect(refused.stderr).toMatch(
    /^error: The file \/(nope does not exist|tmp is a folder)\.\nhint: /,
  );
});

describe('what is typed holds on every node within a second', () => {
  test('disable and enable', async () => {
    const account = await knownUser();
    expect((await asJson('disable', account.email)).user.status).toBe('disabled');
    await expectRefused(account);
    expect((await users('unlock', account.email)).stderr).toContain('This account is disabled.');
    expect((await asJson('enable', account.email)).user.status).toBe('active');
    await signIn(there, account);
  });

  test('lock and unlock, twice each', async () => {
    const account = await knownUser();
    await asJson('lock', account.email);
    await expectRefused(account);
    expect((await asJson('lock', account.id)).user.status).toBe('locked');
    await asJson('unlock', account.email);
    expect((await asJson('unlock', account.email)).user.status).toBe('active');
  });

  test('unlock, of an account that never proved its mailbox: it has still to', async () => {
    const body = { email: newAddress(), password: OTHER_PASSWORD };
    expect((await here.call('/v1/register', { body })).status).toBe(202);
    await asJson('lock', body.email);
    expect((await asJson('unlock', body.email)).user.status).toBe('pending');
    expect((await asJson('unlock', body.email)).user.status).toBe('pending');
  });

  test('set-role', async () => {
    const account = await knownUser();
    expect((await asJson('set-role', account.email, 'admin')).user.role).toBe('admin');
    await expectRefused(account);
    expect((await users('set-role', account.email, 'Not A Role')).code).toBe(1);
  });

  test('set-username: changed and taken away, and the session goes on', async () => {
    const account = await knownUser();
    const username = `countess-${account.id.slice(-8)}`;
    expect((await asJson('set-username', account.email, username)).user.username).toBe(username);
    expect((await asJson('set-username', account.email, '--remove')).user.username).toBeNull();
    expect(await statusOfMe(here, account.token)).toBe(200);
    expect((await users('set-username', account.email, 'no blanks')).code).toBe(1);
    for (const words of [[], [username, '--remove']])
      expect((await users('set-username', account.email, ...words)).code).toBe(2);
  });

  test('reset-2fa: off, mailed, audited as typed here', async () => {
    const account = await createTwoFactorAccount(here);
    expect((await users('reset-2fa', account.email)).code).toBe(2);
    const reset = await asJson('reset-2fa', account.email, '--yes');
    expect(reset).toEqual({ user_id: account.id, sessions_ended: 1 });
    await expectRefused(account);
    await signIn(here, account);
    expect(await mailKinds(here, account.email)).toContain('two_factor_reset');
    const rows = await here.sql(
      `SELECT actor_kind FROM audit WHERE user_id = $1 AND action = 'two_factor.reset'`,
      [account.id],
    );
    expect(rows).toEqual([{ actor_kind: 'cli' }]);
    const again = await users('reset-2fa', account.email, '--yes');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('hint: ') });
  });

  test('sessions: one, all, everyone’s', async () => {
    const account = await knownUser();
    const other = await signIn(here, account);
    const { sessions } = await asJson('sessions', account.email);
    expect(sessions.map(({ id }: { id: string }) => id)).toEqual([
      other.sessionId,
      account.sessionId,
    ]);
    await asJson('sessions', account.email, '--end', account.sessionId);
    await expectRefused(account);
    for (const id of [account.sessionId, 'nonsense'])
      expect(await users('sessions', account.email, '--end', id)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`authctl users sessions ${account.id}`),
      });
    expect((await users('sessions', account.email, '--end-all')).code).toBe(2);
    expect((await users('sessions')).code).toBe(2);
    expect((await users('sessions', '--everyone')).code).toBe(2);
    const all = await asJson('sessions', account.email, '--end-all', '--yes');
    expect(all).toEqual({ sessions_ended: 1 });
    const stranger = await knownUser();
    await asJson('sessions', '--everyone', '--end-all', '--yes');
    await expectRefused(stranger);
  });

  test('delete, only when it is meant', async () => {
    const account = await knownUser();
    const asked = await users('delete', account.email);
    expect(asked).toMatchObject({ code: 2 });
    expect(asked.stderr).toContain('add --yes');
    expect(await asJson('delete', account.email, '--yes')).toEqual({ user_id: account.id });
    await expectRefused(account);
    const gone = await users('show', account.email);
    expect(gone).toMatchObject({ code: 1 });
    expect(gone.stderr).toContain('authctl users list');
  });
});

test('operators: a token once, a list without it, and its end', async () => {
  const operators = (...args: string[]) => runBeside(here, ['operators', ...args]);
  expect((await operators('list')).stdout).toContain('No operators yet');
  const made = await operators('create', 'support', '--scope', 'users:read', '--json');
  const { token, operator } = JSON.parse(made.stdout);
  expect(token).toMatch(/^op_/);
  const ttl = Date.parse(operator.expires_at) - Date.parse(operator.created_at);
  expect(ttl).toBe(90 * 86_400_000);
  const listed = await operators('list');
  expect(listed.stdout).toContain('support');
  expect(listed.stdout).not.toContain(token);

  expect((await operators('create', 'support', '--scope', 'users:read')).code).toBe(1);
  expect((await operators('create', '--scope', 'users:read', 'after-it')).code).toBe(0);
  expect((await operators('create', 'nothing')).code).toBe(2);
  expect((await operators('create', 'all', '--scope', 'everything')).code).toBe(2);
  expect((await operators('create', 'long', '--scope', '*', '--expires', '2y')).code).toBe(2);
  expect((await operators('revoke', 'support')).code).toBe(2);
  expect((await operators('revoke', 'support', '--yes')).code).toBe(0);
  expect((await operators('revoke', 'support', '--yes')).code).toBe(1);
});

test.each([
  'users create',
  'users delete',
  'users disable',
  'users enable',
  'users list',
  'users lock',
  'users reset-2fa',
  'users sessions',
  'users set-password',
  'users set-role',
  'users set-username',
  'users show',
  'users unlock',
  'operators create',
  'operators list',
  'operators revoke',
])('%s --help shows examples', async (words) => {
  expect((await runBeside(here, [...words.split(' '), '--help'])).stdout).toContain('EXAMPLES');
});

test('every refusal says what to type', async () => {
  const account = await createAccount(here);
  const weak = (...args: string[]) =>
    runBeside(here, ['users', ...args, '--password-stdin'], { input: 'password1234' });
  const same = ['users', 'set-password', account.email, '--password-stdin', '--yes'];
  const name = ['operators', 'create', 'gateway', '--scope', 'introspect'];
  expect((await runBeside(here, name)).code).toBe(0);
  const revoke = ['operators', 'revoke', 'gateway', '--yes'];
  expect((await runBeside(here, revoke)).code).toBe(0);
  const refusals = await Promise.all([
    users('create', 'bad'),
    users('create', account.email),
    weak('create', newAddress()),
    runBeside(here, same, { input: account.password }),
    runBeside(here, ['domains', 'add', 'x y']),
    runBeside(here, revoke),
  ]);
  expect(refusals.map(({ code }) => code)).toEqual([1, 1, 1, 1, 1, 1]);
  expect(refusals.map(({ stderr }) => /^hint: (.*)$/m.exec(stderr)?.[1])).toEqual([
    'authctl users create --help',
    `authctl users show ${account.email}`,
    expect.stringContaining('choose another one'),
    expect.stringContaining('choose another one'),
    'authctl domains add example.com',
    'authctl operators list',
  ]);
});
