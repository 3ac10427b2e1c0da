import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { QUICK_SIGN_IN, refresh, signUp, statusOfMe } from '../support/sign-in.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      ...QUICK_SIGN_IN,
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_ISSUER: 'https://auth.settings.example',
      AUTHCTL_REFRESH_RATE: '2',
      AUTHCTL_SESSION_CACHE: '0ms',
    },
  });
});
afterAll(() => appliance.stop());

const SIGNATURE_BYTES = 64;

/** What a v4.public token says; its signature is somebody else's test. */
function claimsOf(access: string): Record<string, unknown> {
  const payload = Buffer.from(access.split('.')[2] ?? '', 'base64url');
  return JSON.parse(payload.subarray(0, -SIGNATURE_BYTES).toString());
}

test('issuer: tokens name it, and open what is asked for', async () => {
  const { access } = await signUp(appliance);
  expect(claimsOf(access)).toMatchObject({ iss: 'https://auth.settings.example' });
  expect(await statusOfMe(appliance, access)).toBe(200);
});

test('refresh.rate: two a minute', async () => {
  let { refresh: token } = await signUp(appliance);
  for (let count = 0; count < 2; count += 1) {
    const { status, body } = await refresh(appliance, token);
    expect(status).toBe(200);
    token = body.tokens.refresh_token;
  }
  const refused = await refresh(appliance, token);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('ratelimit-policy')).toBe('"refresh";q=2;w=60');
  appliance.clock.advance(61_000);
  expect((await refresh(appliance, token)).status).toBe(200);
});

test('session.cache: without one, an end is seen at once', async () => {
  const { access, sessionId } = await signUp(appliance);
  expect(await statusOfMe(appliance, access)).toBe(200);
  await appliance.sql('UPDATE sessions SET ended_at = now() WHERE id = $1', [sessionId]);
  expect(await statusOfMe(appliance, access)).toBe(401);
});
