import { expect, onTestFinished, test } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  newAddress,
  PASSWORD,
} from '../support/accounts.ts';
import type { TestAppliance } from '../support/appliance.ts';
import { startAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { eventually } from '../support/eventually.ts';
import { mailKinds } from '../support/mailbox.ts';

async function start(which: string, env: Record<string, string> = {}): Promise<TestAppliance> {
  const appliance = await startAppliance({
    env: {
      AUTHCTL_MAIL_SIGN_IN_NOTICE: which,
      AUTHCTL_TRUSTED_PROXIES: '127.0.0.1/32',
      ...env,
    },
  });
  onTestFinished(() => appliance.stop());
  return appliance;
}

/** Signs in from an address; the account was made from this machine's. */
function signInFrom(appliance: TestAppliance, email: string, ip: string) {
  const headers = { 'X-Forwarded-For': ip };
  return appliance.call('/v1/login', { body: { email, password: PASSWORD }, headers });
}

const notices = async (appliance: TestAppliance, email: string) =>
  (await mailKinds(appliance, email)).filter((kind) => kind === 'signed_in').length;

test('new_network: told once for each network, and not for the first of all', async () => {
  const appliance = await start('new_network');
  const { email } = await createAccount(appliance);
  expect(await notices(appliance, email)).toBe(0);
  for (const [ip, told] of [
    ['127.0.0.1', 0],
    ['192.0.2.7', 1],
    ['192.0.2.200', 1],
    ['198.51.100.7', 2],
    ['127.0.0.1', 2],
  ] as const) {
    expect((await signInFrom(appliance, email, ip)).body.status).toBe('authenticated');
    expect(await notices(appliance, email), ip).toBe(told);
  }
  const headers = { 'X-Forwarded-For': '203.0.113.7' };
  const body = { email, password: 'not my password at all' };
  expect((await appliance.call('/v1/login', { body, headers })).status).toBe(401);
  expect(await notices(appliance, email)).toBe(2);
});

test('after a long absence a sign-in from elsewhere is no first one', async () => {
  const appliance = await start('new_network', { AUTHCTL_SWEEPER_INTERVAL: '100ms' });
  const { email, id } = await createAccount(appliance);
  expect((await signInFrom(appliance, email, '192.0.2.7')).status).toBe(200);
  await appliance.sql(
    `UPDATE known_networks SET last_login_at = last_login_at - interval '91 days' WHERE user_id = $1`,
    [id],
  );
  await appliance.startWorker();
  const networks = () => appliance.sql('SELECT FROM known_networks WHERE user_id = $1', [id]);
  await eventually('all but the newest are forgotten', async () => (await networks()).length === 1);
  const before = await notices(appliance, email);
  expect((await signInFrom(appliance, email, '192.0.2.7')).status).toBe(200);
  expect(await notices(appliance, email)).toBe(before + 1);
  expect((await signInFrom(appliance, email, '198.51.100.9')).status).toBe(200);
  expect(await notices(appliance, email)).toBe(before + 2);
});

test('a registration that signs in is the first sign-in', async () => {
  const appliance = await start('new_network', { AUTHCTL_REGISTRATION_AUTO_LOGIN: 'on' });
  const email = newAddress('open.example');
  const registered = await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  expect(registered.body.status).toBe('authenticated');
  expect((await signInFrom(appliance, email, '127.0.0.1')).status).toBe(200);
  expect(await notices(appliance, email)).toBe(0);
  expect((await signInFrom(appliance, email, '198.51.100.9')).status).toBe(200);
  expect(await notices(appliance, email)).toBe(1);
});

test('with two-factor on it is the second step that is told, not the password', async () => {
  const appliance = await start('new_network');
  const { email, secret } = await createTwoFactorAccount(appliance);
  appliance.clock.advance(30_000);
  const { body } = await signInFrom(appliance, email, '192.0.2.7');
  expect(body.status).toBe('two_factor_required');
  expect(await notices(appliance, email)).toBe(0);
  const answer = await appliance.call('/v1/login/two-factor', {
    body: {
      flow_token: body.flow_token,
      code: authenticatorCode(secret, appliance.clock.now()),
    },
    headers: { 'X-Forwarded-For': '192.0.2.7' },
  });
  expect(answer.body.status).toBe('authenticated');
  expect(await notices(appliance, email)).toBe(1);
});

test('always: every sign-in, within the budget of the mailbox', async () => {
  const appliance = await start('always', { AUTHCTL_LIMITS: 'on', AUTHCTL_MAIL_HOURLY: '3' });
  const { email } = await createAccount(appliance, { email: newAddress() });
  for (let count = 0; count < 5; count += 1)
    expect((await signInFrom(appliance, email, '127.0.0.1')).status).toBe(200);
  expect(await notices(appliance, email)).toBe(3);
});

test('off, as it is unless it is switched on', async () => {
  const appliance = await start('');
  const { email } = await createAccount(appliance);
  expect((await signInFrom(appliance, email, '192.0.2.7')).status).toBe(200);
  expect(await notices(appliance, email)).toBe(0);
});
