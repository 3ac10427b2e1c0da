import { expect, onTestFinished, test } from 'vitest';
import { endSessionsOfEveryone } from '../../src/services/session/end.ts';
import { createAccount, OTHER_PASSWORD, PASSWORD, signIn } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;

async function start(env: Record<string, string>): Promise<TestAppliance> {
  const appliance = await startAppliance({ env });
  onTestFinished(() => appliance.stop());
  return appliance;
}

function refresh(appliance: TestAppliance, refresh_token: string) {
  return appliance.call('/v1/token/refresh', { body: { refresh_token } });
}

test('a session that only a clock ahead took for expired ends with the password', async () => {
  const appliance = await start({ AUTHCTL_SESSION_IDLE: '30m' });
  const account = await createAccount(appliance);
  appliance.clock.advance(31 * MINUTE_MS);
  const { token } = await signIn(appliance, account);
  const body = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
  expect((await appliance.call('/v1/me/password', { token, body })).status).toBe(204);
  appliance.clock.advance(-31 * MINUTE_MS);
  expect((await refresh(appliance, account.refreshToken)).status).toBe(401);
  const me = await appliance.call('/v1/me', { token: account.token });
  expect(me.status).toBe(401);
});

test('nor does one survive the end of everybody’s', async () => {
  const appliance = await start({ AUTHCTL_SESSION_IDLE: '30m' });
  const account = await createAccount(appliance);
  appliance.clock.advance(31 * MINUTE_MS);
  const { db, events, clock } = appliance.core;
  const end = { after: null, limit: 100, at: clock.now() };
  await db.transaction((tx) => endSessionsOfEveryone(tx, events, end));
  appliance.clock.advance(-31 * MINUTE_MS);
  expect((await refresh(appliance, account.refreshToken)).status).toBe(401);
});

test('nobody is kept waiting for as long as the clock was ahead', async () => {
  const appliance = await start({ AUTHCTL_LIMITS: 'on' });
  const account = await createAccount(appliance);
  let token = account.refreshToken;
  const next = async () => {
    const answer = await refresh(appliance, token);
    if (answer.status === 200) token = answer.body.tokens.refresh_token;
    return answer.status;
  };
  appliance.clock.advance(2 * DAY_MS);
  expect(await next()).toBe(200);
  const wrong = { email: account.email, password: 'not my password at all' };
  for (let guess = 0; guess < 5; guess += 1) await appliance.call('/v1/login', { body: wrong });
  appliance.clock.advance(-2 * DAY_MS);

  const right = { email: account.email, password: PASSWORD };
  expect((await appliance.call('/v1/login', { body: right })).status).toBe(200);
  for (let refreshes = 0; refreshes < 15; refreshes += 1) {
    appliance.clock.advance(2 * MINUTE_MS);
    expect(await next()).toBe(200);
  }
});

test('without grace a used token is reuse, also when the clock went back', async () => {
  const appliance = await start({ AUTHCTL_REFRESH_GRACE: '0s' });
  const { refreshToken } = await createAccount(appliance);
  expect((await refresh(appliance, refreshToken)).status).toBe(200);
  appliance.clock.advance(-5_000);
  expect((await refresh(appliance, refreshToken)).status).toBe(401);
});
