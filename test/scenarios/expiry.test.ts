import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
} from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { codeFor } from '../support/mailbox.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_ACCESS_TTL: '24h' } });
});
afterAll(() => appliance.stop());

/** A flow as its first step answered it, and how its next step is taken. */
interface Begun {
  readonly expiresAt: string;
  finish(): Promise<Answer>;
}

const post = (path: string, body: unknown, token?: string) =>
  appliance.call(path, token === undefined ? { body } : { body, token });

const FLOWS: Record<string, () => Promise<Begun>> = {
  async 'verification after registering'() {
    const email = newAddress();
    const { body } = await post('/v1/register', { email, password: PASSWORD });
    const code = await codeFor(appliance, email, 'verify_email');
    return begun(body, () => post('/v1/verify', { flow_token: body.flow_token, code }));
  },
  async 'verification after signing in'() {
    const email = newAddress();
    await post('/v1/register', { email, password: PASSWORD });
    const { body } = await logIn(appliance, { email });
    const code = await codeFor(appliance, email, 'verify_email');
    return begun(body, () => post('/v1/verify', { flow_token: body.flow_token, code }));
  },
  async 'a code that was sent again'() {
    const email = newAddress();
    const registered = await post('/v1/register', { email, password: PASSWORD });
    appliance.clock.advance(300_000);
    const { flow_token } = registered.body;
    const { body } = await post('/v1/verify/resend', { flow_token });
    const code = await codeFor(appliance, email, 'verify_email');
    return begun(body, () => post('/v1/verify', { flow_token: body.flow_token, code }));
  },
  async 'a second factor'() {
    const account = await createTwoFactorAccount(appliance);
    const { body } = await logIn(appliance, account);
    return begun(body, () => {
      const code = authenticatorCode(account.secret, appliance.clock.now());
      return post('/v1/login/two-factor', { flow_token: body.flow_token, code });
    });
  },
  async 'a code for a forgotten password'() {
    const { email } = await createAccount(appliance);
    const { body } = await post('/v1/password/forgot', { email });
    const code = await codeFor(appliance, email, 'reset_password');
    return begun(body, () =>
      post('/v1/password/forgot/verify', { flow_token: body.flow_token, code }),
    );
  },
  async 'an authorised reset'() {
    const { email } = await createAccount(appliance);
    const at = appliance.clock.now();
    const flow_token = await authorizeReset(appliance, email);
    const expires_at = new Date(at.getTime() + 300_000).toISOString();
    return begun({ expires_at }, () =>
      post('/v1/password/reset', { flow_token, password: OTHER_PASSWORD }),
    );
  },
  async 'a new e-mail address'() {
    const { token } = await createAccount(appliance);
    const new_email = newAddress();
    const { body } = await post('/v1/me/email', { new_email, password: PASSWORD }, token);
    const code = await codeFor(appliance, new_email, 'change_email');
    const { flow_token } = body;
    return begun(body, () => post('/v1/me/email/verify', { flow_token, code }, token));
  },
  async 'turning two-factor on'() {
    const { token } = await createAccount(appliance);
    const { body } = await post('/v1/me/two-factor/totp', { password: PASSWORD }, token);
    const { flow_token, secret } = body;
    return begun(body, () => {
      const code = authenticatorCode(secret, appliance.clock.now());
      return post('/v1/me/two-factor/totp/confirm', { flow_token, code }, token);
    });
  },
};

function begun({ expires_at }: { expires_at: string }, finish: () => Promise<Answer>): Begun {
  return { expiresAt: expires_at, finish };
}

function moveTo(time: string, offsetMs: number): void {
  const untilMs = Date.parse(time) + offsetMs - appliance.clock.now().getTime();
  appliance.clock.advance(untilMs);
}

/** The answer comes some time after the clock was moved: a little less than the whole second. */
const MARGIN_MS = 900;

describe.each(Object.entries(FLOWS))('%s', (_, begin) => {
  test('is good until its time is over', async () => {
    const flow = await begin();
    moveTo(flow.expiresAt, -1_000 - MARGIN_MS);
    expect((await flow.finish()).status).toBeLessThan(300);
  });

  test('is dead a second later', async () => {
    const flow = await begin();
    moveTo(flow.expiresAt, 1_000);
    expect((await flow.finish()).body.code).toBe('flow_expired');
  });

  test('stays dead when the clock goes back', async () => {
    const flow = await begin();
    moveTo(flow.expiresAt, 1_000);
    expect((await flow.finish()).body.code).toBe('flow_expired');
    moveTo(flow.expiresAt, -60_000);
    expect((await flow.finish()).body.code).toBe('flow_expired');
    moveTo(flow.expiresAt, 1_000);
  });
});

test('a flow whose code was asked for again too late stays dead when the clock goes back', async () => {
  const email = newAddress();
  const { body } = await post('/v1/register', { email, password: PASSWORD });
  const code = await codeFor(appliance, email, 'verify_email');
  const { flow_token, expires_at } = body;
  moveTo(expires_at, 1_000);
  expect((await post('/v1/verify/resend', { flow_token })).body.code).toBe('flow_expired');
  moveTo(expires_at, -60_000);
  expect((await post('/v1/verify', { flow_token, code })).body.code).toBe('flow_expired');
  moveTo(expires_at, 1_000);
});

test('a session that was refused for its time stays ended when the clock goes back', async () => {
  const { refreshToken } = await createAccount(appliance);
  const refresh = () => post('/v1/token/refresh', { refresh_token: refreshToken });
  const month = 30 * 86_400_000;
  appliance.clock.advance(month);
  expect((await refresh()).status).toBe(401);
  appliance.clock.advance(-month);
  expect((await refresh()).status).toBe(401);
});

test('what is awaited by mail lasts ten minutes, all else five', async () => {
  const lifetimes: Record<string, number> = {};
  for (const [name, begin] of Object.entries(FLOWS)) {
    const before = appliance.clock.now().getTime();
    const { expiresAt } = await begin();
    lifetimes[name] = Math.round((Date.parse(expiresAt) - before) / 60_000);
  }
  expect(lifetimes).toEqual({
    'verification after registering': 10,
    'verification after signing in': 10,
    'a code that was sent again': 15,
    'a second factor': 5,
    'a code for a forgotten password': 10,
    'an authorised reset': 5,
    'a new e-mail address': 10,
    'turning two-factor on': 5,
  });
});

test('a password has no end: it signs in after 400 days, and need not be changed', async () => {
  const account = await createAccount(appliance);
  appliance.clock.advance(400 * 86_400_000);
  const signedIn = await logIn(appliance, account);
  expect(signedIn.body.status).toBe('authenticated');
  expect(
    (await appliance.call('/v1/me', { token: signedIn.body.tokens.access_token })).status,
  ).toBe(200);
});
