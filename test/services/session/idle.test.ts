import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { QUICK_SIGN_IN, refresh, signInAgain, signUp, statusOfMe } from '../../support/sign-in.ts';

const MINUTE_MS = 60_000;
const ENV = {
  ...QUICK_SIGN_IN,
  AUTHCTL_ACCESS_TTL: '15m',
  AUTHCTL_REFRESH_TTL: '2h',
  AUTHCTL_SESSION_IDLE: '30m',
};

let node: TestAppliance;

beforeAll(async () => {
  node = await startAppliance({ env: ENV });
});
afterAll(() => node.stop());

const expiryOf = (tokens: { refresh_token_expires_at: string }) =>
  Date.parse(tokens.refresh_token_expires_at);

test('a session that is not refreshed in time has ended, and is listed nowhere', async () => {
  const user = await signUp(node);
  node.clock.advance(29 * MINUTE_MS);
  const next = await refresh(node, user.refresh);
  expect(next.status).toBe(200);
  node.clock.advance(31 * MINUTE_MS);
  expect(await statusOfMe(node, next.body.tokens.access_token)).toBe(401);
  const late = await refresh(node, next.body.tokens.refresh_token);
  expect(late.body.code).toBe('invalid_refresh_token');

  const again = await signInAgain(node, user);
  const { body } = await node.call('/v1/me/sessions', { token: again.access });
  expect(body.sessions.map(({ id }: { id: string }) => id)).toEqual([again.sessionId]);
});

test('one that is refreshed lives on, and not beyond its whole life; each answer says until when', async () => {
  const user = await signUp(node);
  const startedAt = node.clock.now().getTime();
  let token = user.refresh;
  for (let minutes = 25; minutes < 120; minutes += 25) {
    node.clock.advance(25 * MINUTE_MS);
    const { status, body } = await refresh(node, token);
    expect(status).toBe(200);
    token = body.tokens.refresh_token;
    const leftMinutes = Math.min(minutes + 30, 120);
    expect((expiryOf(body.tokens) - startedAt) / MINUTE_MS).toBeCloseTo(leftMinutes, 0);
  }
  node.clock.advance(21 * MINUTE_MS);
  expect((await refresh(node, token)).status).toBe(401);
});

test('off, which is the default: only the whole life counts', async () => {
  const { AUTHCTL_SESSION_IDLE: _, ...env } = ENV;
  const patient = await startAppliance({ env });
  const user = await signUp(patient);
  patient.clock.advance(119 * MINUTE_MS);
  const { status, body } = await refresh(patient, user.refresh);
  expect(status).toBe(200);
  patient.clock.advance(2 * MINUTE_MS);
  expect((await refresh(patient, body.tokens.refresh_token)).status).toBe(401);
  await patient.stop();
});
