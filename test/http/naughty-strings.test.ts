import naughtyStrings from 'big-list-of-naughty-strings/blns.json' with { type: 'json' };
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  PASSWORD,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { signUp } from '../support/sign-in.ts';
import { type Operation, operations } from './support/operations.ts';

/** How a form is refused that nothing can be wrong with but its strings. */
const REFUSED = [
  'malformed_json',
  'body_too_large',
  'validation_failed',
  'password_too_weak',
  'password_breached',
];
/** Requests under way at once. */
const AT_ONCE = 16;
/** What is no text for PostgreSQL, and what a parser may cut or join. */
const NAUGHTY = [
  ...(naughtyStrings as string[]),
  '\0',
  'a\0b',
  '\ud800',
  'x\udfff',
  'e\u0301'.repeat(10_000),
];

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_USERNAMES: 'display',
      AUTHCTL_PHONES: 'collect',
      AUTHCTL_REGISTRATION_AUTO_LOGIN: 'on',
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
      AUTHCTL_HASH_QUEUE: '1000',
    },
  });
});
afterAll(() => appliance.stop());

/** Does the same with each, some at a time. */
async function forEach<T>(things: readonly T[], work: (thing: T, index: number) => Promise<void>) {
  const left = [...things.entries()];
  const worker = async () => {
    for (let next = left.pop(); next; next = left.pop()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Where each request costs a hash, some strings must do. */
function strideOf(path: string, usual: Operation['usual']): number {
  const isHashed = 'password' in usual || 'current_password' in usual;
  return isHashed && path !== '/v1/register' ? 9 : 1;
}

test('no string in any field of any body is more than a documented error', async () => {
  const { access } = await signUp(appliance);
  const requests = (await operations(appliance)).flatMap(({ path, method, usual, fields }) =>
    fields.flatMap((field) =>
      NAUGHTY.filter((_, index) => index % strideOf(path, usual) === 0).map((text) => ({
        path,
        method,
        field,
        body: { ...usual, [field]: text },
      })),
    ),
  );
  expect(requests.length).toBeGreaterThan(8_000);
  await forEach(requests, async ({ path, method, field, body }) => {
    const token = path.startsWith('/v1/me') ? access : undefined;
    const answer = await appliance.call(path, { method, body, ...(token && { token }) });
    const label = `${method} ${path} ${field} ${JSON.stringify(body).slice(0, 200)}`;
    expect(answer.status, label).toBeLessThan(500);
    if (answer.status < 400) return;
    expect(answer.headers.get('content-type'), label).toMatch(/^application\/problem\+json/);
    expect(answer.body.code, label).toMatch(/^[a-z_]+$/);
  });
}, 120_000);

test('what is taken as a password signs in, and is not another one', async () => {
  await forEach(NAUGHTY, async (password) => {
    const email = newAddress('open.example');
    const label = JSON.stringify(password).slice(0, 200);
    const registered = await appliance.call('/v1/register', { body: { email, password } });
    if (registered.status !== 201) return expect(REFUSED, label).toContain(registered.body.code);
    const right = await appliance.call('/v1/login', { body: { email, password } });
    expect(right.status, label).toBe(200);
    const other = { email, password: `${password}x` };
    const wrong = await appliance.call('/v1/login', { body: other });
    expect([401, 422], label).toContain(wrong.status);
  });
}, 60_000);

test('what is taken as the name of a device is told again as it was', async () => {
  const { email } = await signUp(appliance);
  const taken: string[] = [];
  for (const device_name of NAUGHTY) {
    const body = { email, password: PASSWORD, device_name };
    const login = await appliance.call('/v1/login', { body });
    if (login.status !== 200) {
      expect(REFUSED).toContain(login.body.code);
      continue;
    }
    const token = login.body.tokens.access_token;
    const { body: list } = await appliance.call('/v1/me/sessions', { token });
    const current = list.sessions.find((session: { current: boolean }) => session.current);
    expect(current.device_name).toBe(device_name);
    taken.push(device_name);
  }
  expect(taken.length).toBeGreaterThan(300);
}, 60_000);

test('what is typed as a code is a wrong one, and nothing worse', async () => {
  const account = await createTwoFactorAccount(appliance);
  const { flow_token } = (await logIn(appliance, account)).body;
  const { body: asked } = await appliance.call('/v1/password/forgot', {
    body: { email: account.email },
  });
  // Tries without end, for all of them.
  await appliance.sql(
    `CREATE FUNCTION forgive() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN NEW.tries = 0; RETURN NEW; END $$`,
  );
  await appliance.sql(
    'CREATE TRIGGER forgive BEFORE UPDATE ON flows FOR EACH ROW EXECUTE FUNCTION forgive()',
  );
  await forEach(NAUGHTY, async (text) => {
    for (const [path, body] of [
      ['/v1/login/two-factor', { flow_token, code: text }],
      ['/v1/login/two-factor', { flow_token, recovery_code: text }],
      ['/v1/password/forgot/verify', { flow_token: asked.flow_token, code: text }],
    ] as const) {
      const answer = await appliance.call(path, { body });
      const label = `${path} ${JSON.stringify(body).slice(0, 200)}`;
      expect(['invalid_code', ...REFUSED], label).toContain(answer.body.code);
    }
  });
  await appliance.sql('DROP FUNCTION forgive CASCADE');
}, 60_000);

test('what is taken as a new password is the password from then on', async () => {
  const account = await createAccount(appliance);
  const { token, email } = account;
  let current_password = account.password;
  let changes = 0;
  for (const new_password of NAUGHTY.filter((_, index) => index % 9 === 0)) {
    const label = JSON.stringify(new_password).slice(0, 200);
    const body = { current_password, new_password };
    const changed = await appliance.call('/v1/me/password', { token, body });
    if (changed.status === 204) {
      changes += 1;
      current_password = new_password;
    } else expect(REFUSED, label).toContain(changed.body.code);
    const signedIn = await logIn(appliance, { email, password: current_password });
    expect(signedIn.status, label).toBe(200);
  }
  expect(changes).toBeGreaterThan(20);
}, 60_000);
