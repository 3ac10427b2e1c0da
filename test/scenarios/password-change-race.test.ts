import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  isSignedIn,
  logIn,
  OTHER_PASSWORD,
  PASSWORD,
} from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';

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
