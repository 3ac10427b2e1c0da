import { afterAll, beforeAll, expect, test } from 'vitest';
import { isSignedIn, OTHER_PASSWORD, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_REGISTRATION_IDENTIFIER: 'username',
      AUTHCTL_REGISTRATION_AUTO_LOGIN: 'on',
      AUTHCTL_USERNAMES: 'unique',
    },
  });
});
afterAll(() => appliance.stop());

const logIn = (username: string, password: string) =>
  appliance.call('/v1/login', { body: { username, password } });
const post = (path: string, token: string, body: unknown) => appliance.call(path, { token, body });

test('an account without e-mail: registered and signed in at once, no verification, no reset', async () => {
  const body = { username: 'Grace', password: PASSWORD };
  const registered = await appliance.call('/v1/register', { body });
  expect(registered).toMatchObject({
    status: 201,
    body: { status: 'authenticated', user: { username: 'Grace', email: null, status: 'active' } },
  });
  const token = registered.body.tokens.access_token;
  expect((await logIn('grace', PASSWORD)).body.status).toBe('authenticated');
  expect((await logIn('grace', OTHER_PASSWORD)).body.code).toBe('invalid_credentials');
  expect((await logIn('nobody', PASSWORD)).body.code).toBe('invalid_credentials');
  const again = await appliance.call('/v1/register', { body: { ...body, username: 'GRACE' } });
  expect(again.body.code).toBe('username_taken');

  const forgot = await appliance.call('/v1/password/forgot', {
    body: { email: 'grace@example.com' },
  });
  expect(forgot.body.status).toBe('code_sent');
  const email = { new_email: 'grace@example.com', password: PASSWORD };
  expect((await post('/v1/me/email', token, email)).body).toMatchObject({
    code: 'validation_failed',
    errors: [{ pointer: '/new_email', code: 'not_allowed' }],
  });
  const nameless = await appliance.call('/v1/me', {
    method: 'PATCH',
    token,
    body: { username: null },
  });
  expect(nameless.body).toMatchObject({ errors: [{ pointer: '/username', code: 'required' }] });

  const change = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
  expect((await post('/v1/me/password', token, change)).status).toBe(204);
  expect((await logIn('grace', OTHER_PASSWORD)).body.status).toBe('authenticated');
  expect(await appliance.sql('SELECT 1 FROM mails WHERE user_id IS NOT NULL')).toEqual([]);
});

test('such an account has two-factor like any other, and can be deleted', async () => {
  const registered = await appliance.call('/v1/register', {
    body: { username: 'alan', password: PASSWORD },
  });
  const token = registered.body.tokens.access_token;
  const { body: setup } = await post('/v1/me/two-factor/totp', token, { password: PASSWORD });
  const code = authenticatorCode(setup.secret, appliance.clock.now());
  const confirmation = { flow_token: setup.flow_token, code };
  expect((await post('/v1/me/two-factor/totp/confirm', token, confirmation)).status).toBe(200);
  const asked = await logIn('alan', PASSWORD);
  expect(asked.body.status).toBe('two_factor_required');
  appliance.clock.advance(30_000);
  const body = { password: PASSWORD, code: authenticatorCode(setup.secret, appliance.clock.now()) };
  expect((await appliance.call('/v1/me', { method: 'DELETE', token, body })).status).toBe(204);
  expect(await isSignedIn(appliance, token)).toBe(false);
  expect((await logIn('alan', PASSWORD)).body.code).toBe('invalid_credentials');
});

test('an e-mail address is no way to sign in or register here', async () => {
  const email = 'ada@example.com';
  const registered = await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  expect(registered.body.code).toBe('validation_failed');
  const login = await appliance.call('/v1/login', { body: { email, password: PASSWORD } });
  expect(login.body.code).toBe('invalid_credentials');
});
