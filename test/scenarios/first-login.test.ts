import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_MODE: 'deferred' } });
});
afterAll(() => appliance.stop());

const password = 'correct horse battery staple';

test('register, sign in while pending, refresh, read me, sign out', async () => {
  const email = 'ada@open.example';
  const registered = await appliance.call('/v1/register', { body: { email, password } });
  expect(registered).toMatchObject({ status: 201, body: { status: 'registered' } });

  const signedIn = await appliance.call('/v1/login', { body: { email, password } });
  expect(signedIn).toMatchObject({ status: 200, body: { status: 'authenticated' } });
  const { access_token, refresh_token } = signedIn.body.tokens;

  const me = await appliance.call('/v1/me', { token: access_token });
  expect(me).toMatchObject({ status: 200, body: { email, status: 'active' } });

  const refreshed = await appliance.call('/v1/token/refresh', { body: { refresh_token } });
  expect(refreshed.status).toBe(200);

  const signedOut = await appliance.call('/v1/logout', { token: access_token, method: 'POST' });
  expect(signedOut.status).toBe(204);
  expect((await appliance.call('/v1/me', { token: access_token })).status).toBe(401);
});
