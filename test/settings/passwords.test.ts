import { hash } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAccount, newAddress, signIn } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';

const BREACHED = 'twelve purple elephants';
/** One whose range takes its time. */
const LATE = 'eleven lazy elephants';

const digestOf = (password: string) => hash('sha1', password, 'hex').toUpperCase();

/** A range API that knows one password. */
const ranges = createServer(async (request, response) => {
  if (request.url === `/range/${digestOf(LATE).slice(0, 5)}`) await pause(1_500);
  const digest = digestOf(BREACHED);
  response.end(request.url === `/range/${digest.slice(0, 5)}` ? `${digest.slice(5)}:3` : '');
});

let appliance: TestAppliance;

beforeAll(async () => {
  const port = await listenOnFreePort(ranges);
  appliance = await startAppliance({
    env: {
      AUTHCTL_PRODUCT: 'Zanzibar Tours',
      AUTHCTL_PASSWORD_MIN_LENGTH: '14',
      AUTHCTL_PASSWORD_HISTORY: '2',
      AUTHCTL_PASSWORD_BREACHED_URL: `http://127.0.0.1:${port}/range`,
      AUTHCTL_PASSWORD_BREACHED_TIMEOUT: '700ms',
      AUTHCTL_PASSWORD_BREACHED_FAILURE: 'closed',
    },
  });
});
afterAll(async () => {
  await appliance.stop();
  ranges.closeAllConnections();
  ranges.close();
});

/** What a registration with a password is answered with. */
async function register(password: string): Promise<number> {
  const body = { email: newAddress('open.example'), password };
  return (await appliance.call('/v1/register', { body })).status;
}

test('password.min_length: fourteen, not thirteen', async () => {
  expect(await register('nineteen tool')).toBe(422);
  expect(await register('nineteen tools')).toBe(201);
});

test('password.breached_url: what the range lists is refused', async () => {
  expect(await register(BREACHED)).toBe(422);
  expect(await register(`${BREACHED}!`)).toBe(201);
});

test('password.breached_timeout, password.breached_failure: a late answer refuses', async () => {
  expect(await register(LATE)).toBe(503);
});

test('password.history: the last but one is free again', async () => {
  const first = 'six green parrots at noon';
  const second = 'seven green parrots at noon';
  const third = 'eight green parrots at noon';
  const { email } = await createAccount(appliance, { password: first });
  const change = async (current_password: string, new_password: string) => {
    const { token } = await signIn(appliance, { email, password: current_password });
    return appliance.call('/v1/me/password', { token, body: { current_password, new_password } });
  };
  expect((await change(first, second)).status).toBe(204);
  expect((await change(second, third)).status).toBe(204);
  for (const former of [second, third])
    expect((await change(third, former)).body.code).toBe('password_reused');
  expect((await change(third, first)).status).toBe(204);
});

test('product: no password is built on it, and authenticator apps show it', async () => {
  expect(await register('ZanzibarTours1')).toBe(422);
  const password = 'nine green parrots at noon';
  const { token } = await createAccount(appliance, { password });
  const { body } = await appliance.call('/v1/me/two-factor/totp', { token, body: { password } });
  expect(new URL(body.otpauth_uri).searchParams.get('issuer')).toBe('Zanzibar Tours');
});
