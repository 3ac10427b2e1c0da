import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  isSignedIn,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
} from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { eventually } from '../support/eventually.ts';

/** Whoever signs in while the password changes: with the old one, nobody is left signed in. */
let appliance: TestAppliance;
let nodes: readonly [TestAppliance, TestAppliance];

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_QUEUE: '400' } });
  nodes = [appliance, await startAppliance({ beside: appliance })];
});
afterAll(async () => {
  await nodes[1].stop();
  await appliance.stop();
});

async function expectNobodyIn(logins: readonly Answer[]): Promise<void> {
  appliance.clock.advance(600);
  for (const { body } of logins)
    if (body.status === 'authenticated')
      expect(await isSignedIn(appliance, body.tokens.access_token)).toBe(false);
}

async function isSomebodyWaiting(): Promise<boolean> {
  const waiting = await appliance.sql(
    `SELECT 1 FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return waiting.length > 0;
}

test('by password', async () => {
  for (let round = 0; round < 4; round += 1) {
    const account = await createAccount(appliance);
    const body = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
    const [changed, ...logins] = await Promise.all([
      appliance.call('/v1/me/password', { token: account.token, body }),
      ...Array.from({ length: 20 }, (_, index) => logIn(nodes[index % 2]!, account)),
    ]);
    expect(changed.status).toBe(204);
    await expectNobodyIn(logins);
  }
});

/** Registered when its domain asked for a proof, which it does not any more. */
async function createPendingAccount(): Promise<{ id: string; email: string; password: string }> {
  const who = { email: newAddress('open.example'), password: PASSWORD };
  const { body } = await appliance.call('/v1/register', { body: who });
  await appliance.sql(`UPDATE users SET status = 'pending' WHERE id = '${body.user.id}'`);
  return { ...who, id: body.user.id };
}

test('by the first sign-in, which activates the account', async () => {
  const account = await createPendingAccount();
  const { login } = await appliance.core.db.transaction(async (tx) => {
    // What an operator's new password does to the user.
    const text = 'UPDATE users SET security_version = security_version + 1 WHERE id = $1';
    await tx.execute({ name: '', text }, [account.id]);
    const underWay = { login: logIn(appliance, account) };
    await eventually('it waits for the change', isSomebodyWaiting);
    return underWay;
  });
  expect(await login).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
});

test('first sign-ins at the same moment all see the account active', async () => {
  const account = await createPendingAccount();
  const logins = await Promise.all(Array.from({ length: 6 }, () => logIn(appliance, account)));
  for (const login of logins)
    expect(login).toMatchObject({ status: 200, body: { user: { status: 'active' } } });
});

test('by a second factor that was asked for before', async () => {
  const account = await createTwoFactorAccount(appliance);
  const flows = await Promise.all(Array.from({ length: 9 }, () => logIn(appliance, account)));
  appliance.clock.advance(30_000);
  const code = authenticatorCode(account.secret, appliance.clock.now());
  const change = { current_password: PASSWORD, new_password: OTHER_PASSWORD, code };
  const [changed, ...logins] = await Promise.all([
    appliance.call('/v1/me/password', { token: account.token, body: change }),
    ...flows.map(({ body: { flow_token } }, index) =>
      nodes[index % 2]!.call('/v1/login/two-factor', {
        body: { flow_token, recovery_code: account.recoveryCodes[index] },
      }),
    ),
  ]);
  expect(changed.status).toBe(204);
  await expectNobodyIn(logins);
});

test.each([
  ['POST', '/v1/me/two-factor/totp/disable', {}],
  ['POST', '/v1/me/two-factor/recovery-codes', {}],
  ['POST', '/v1/me/email', { new_email: 'elsewhere@example.com' }],
  ['DELETE', '/v1/me', {}],
])(
  'what the old password had just proved is not done after it changed: %s %s',
  async (method, path, more) => {
    const account = await createTwoFactorAccount(appliance);
    const [recovery_code] = account.recoveryCodes;
    const body = { password: PASSWORD, recovery_code, ...more };
    const { answer } = await appliance.core.db.transaction(async (tx) => {
      const text = 'UPDATE users SET security_version = security_version + 1 WHERE id = $1';
      await tx.execute({ name: '', text }, [account.id]);
      const underWay = { answer: appliance.call(path, { method, token: account.token, body }) };
      await eventually('it waits for the change', isSomebodyWaiting);
      return underWay;
    });
    expect(await answer).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await appliance.call('/v1/me', { token: account.token })).body).toMatchObject({
      email: account.email,
      two_factor_enabled: true,
      recovery_codes_left: 10,
    });
  },
);
