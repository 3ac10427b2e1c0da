import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  enableTotp,
  isSignedIn,
  logIn,
  OTHER_PASSWORD,
  PASSWORD,
  signIn,
  type TwoFactorAccount,
  toAccount,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { mailKinds } from '../support/mailbox.ts';
import { oathtoolCode, whyNoOathtool } from '../support/oathtool.ts';

let appliance: TestAppliance;
let second: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance();
  second = await startAppliance({ beside: appliance });
});
afterAll(async () => {
  await second.stop();
  await appliance.stop();
});

const post = (path: string, token: string, body: unknown) => appliance.call(path, { token, body });
const totp = (secret: string, steps = 0) => authenticatorCode(secret, appliance.clock.now(), steps);
const twoFactor = (flow_token: string, factor: object, node = appliance) =>
  node.call('/v1/login/two-factor', { body: { flow_token, ...factor } });
const nextStep = () => appliance.clock.advance(30_000);

async function askedForFactor(account: { email: string; password: string }): Promise<string> {
  const answer = await logIn(appliance, account);
  expect(answer.body).toMatchObject({ status: 'two_factor_required' });
  return answer.body.flow_token;
}

describe('turning it on', () => {
  test('password, seed as text, URI and QR, one code, ten recovery codes', async () => {
    const { token, email } = await createAccount(appliance);
    const begin = (password: string) => post('/v1/me/two-factor/totp', token, { password });
    expect((await begin('not my password at all')).body.code).toBe('invalid_credentials');
    const { body: setup } = await begin(PASSWORD);
    expect(setup.secret).toMatch(/^[A-Z2-7]{32}$/);
    const uri = new URL(setup.otpauth_uri);
    expect(uri.protocol).toBe('otpauth:');
    expect(uri.searchParams.get('secret')).toBe(setup.secret);
    expect(decodeURIComponent(uri.pathname)).toContain(email);
    expect(setup.qr_svg).toMatch(/^<svg/);

    // Abandoned here, it is off.
    expect((await logIn(appliance, { email })).body.status).toBe('authenticated');
    const confirm = (flow_token: string, code: string) =>
      post('/v1/me/two-factor/totp/confirm', token, { flow_token, code });
    const { body: again } = await begin(PASSWORD);
    expect((await confirm(setup.flow_token, totp(setup.secret))).body.code).toBe('flow_expired');
    expect((await confirm(again.flow_token, totp(setup.secret))).body.code).toBe('invalid_code');
    const confirmed = await confirm(again.flow_token, totp(again.secret));
    expect(confirmed.status).toBe(200);
    expect(new Set(confirmed.body.recovery_codes).size).toBe(10);
    expect((await appliance.call('/v1/me', { token })).body).toMatchObject({
      two_factor_enabled: true,
      recovery_codes_left: 10,
    });
    expect((await begin(PASSWORD)).body.code).toBe('two_factor_already_enabled');
    expect(await mailKinds(appliance, email)).toContain('two_factor_enabled');
    // The code that turned it on is used up.
    const flow = await askedForFactor({ email, password: PASSWORD });
    expect((await twoFactor(flow, { code: totp(again.secret) })).body.code).toBe('invalid_code');
  });

  test('a setup belongs to its user, and dies with a change of the password', async () => {
    const account = await createAccount(appliance);
    const stranger = await createAccount(appliance);
    const { body: setup } = await post('/v1/me/two-factor/totp', account.token, {
      password: PASSWORD,
    });
    const confirmation = { flow_token: setup.flow_token, code: totp(setup.secret) };
    const confirm = (token: string) => post('/v1/me/two-factor/totp/confirm', token, confirmation);
    expect((await confirm(stranger.token)).body.code).toBe('flow_expired');
    const change = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
    expect((await post('/v1/me/password', account.token, change)).status).toBe(204);
    expect((await confirm(account.token)).body.code).toBe('flow_expired');
    expect((await logIn(appliance, { ...account, password: OTHER_PASSWORD })).body.status).toBe(
      'authenticated',
    );
  });
});

describe('signing in', () => {
  test('with the authenticator: each step once, on every node and endpoint, and never an older one', async () => {
    const account = await createTwoFactorAccount(appliance);
    nextStep();
    nextStep();
    const code = totp(account.secret);
    const older = totp(account.secret, -1);
    const done = await twoFactor(await askedForFactor(account), { code });
    expect(done).toMatchObject({ status: 200, body: { status: 'authenticated' } });
    const { token } = toAccount(done, account);
    expect(await isSignedIn(appliance, token)).toBe(true);

    for (const used of [code, older]) {
      const flow = await askedForFactor(account);
      expect((await twoFactor(flow, { code: used })).body.code).toBe('invalid_code');
      expect((await twoFactor(flow, { code: used }, second)).body.code).toBe('invalid_code');
      const disable = { password: PASSWORD, code: used };
      expect((await post('/v1/me/two-factor/totp/disable', token, disable)).body.code).toBe(
        'invalid_code',
      );
    }
    appliance.clock.advance(-60_000);
    expect((await twoFactor(await askedForFactor(account), { code })).body.code).toBe(
      'invalid_code',
    );
    appliance.clock.advance(60_000);
  });

  test.each([
    [-2, 'refused'],
    [-1, 'accepted'],
    [0, 'accepted'],
    [1, 'accepted'],
    [2, 'refused'],
  ])('a clock %i steps off is %s', async (steps, outcome) => {
    const account = await createTwoFactorAccount(appliance);
    appliance.clock.advance(120_000);
    const answer = await twoFactor(await askedForFactor(account), {
      code: totp(account.secret, steps),
    });
    expect(answer.status).toBe(outcome === 'accepted' ? 200 : 401);
  });

  test('with a recovery code: once, its owner is told', async () => {
    const account = await createTwoFactorAccount(appliance);
    const recovery_code = account.recoveryCodes[3]!;
    const etag = async () =>
      (await appliance.call('/v1/me', { token: account.token })).headers.get('etag');
    const before = await etag();
    const done = await twoFactor(await askedForFactor(account), {
      recovery_code: recovery_code.toLowerCase(),
    });
    expect(done.body).toMatchObject({ status: 'authenticated', user: { recovery_codes_left: 9 } });
    appliance.clock.advance(1_000);
    expect(await etag(), 'of a user with a code less').not.toBe(before);
    expect((await twoFactor(await askedForFactor(account), { recovery_code })).body.code).toBe(
      'invalid_code',
    );
    const wrong = `SELECT 1 FROM audit WHERE action = 'two_factor.failed' AND user_id = $1`;
    expect(await appliance.sql(wrong, [account.id]), 'a used one is a wrong one').toHaveLength(1);
    expect(await mailKinds(appliance, account.email)).toContain('recovery_code_used');
    const stranger = await createTwoFactorAccount(appliance);
    const theirs = { recovery_code: account.recoveryCodes[4]! };
    expect((await twoFactor(await askedForFactor(stranger), theirs)).body.code).toBe(
      'invalid_code',
    );
  });

  test('signing out everywhere ends logins that still await their factor', async () => {
    const account = await createTwoFactorAccount(appliance);
    const flow = await askedForFactor(account);
    const options = { method: 'POST', token: account.token };
    expect((await appliance.call('/v1/logout/all', options)).status).toBe(204);
    const recovery_code = account.recoveryCodes[0]!;
    expect((await twoFactor(flow, { recovery_code })).body.code).toBe('flow_expired');
  });

  test('a login with one factor opens nothing: its flow is good for the factor only', async () => {
    const account = await createTwoFactorAccount(appliance);
    const flow = await askedForFactor(account);
    expect((await appliance.call('/v1/me', { token: flow })).status).toBe(401);
    const refresh = { refresh_token: flow };
    expect((await appliance.call('/v1/token/refresh', { body: refresh })).status).toBe(401);
  });

  test.each([
    ['the password changes', changePassword],
    ['the account is locked', setStatus('locked')],
    ['the account is disabled', setStatus('disabled')],
    ['two-factor is turned off and on', turnOffAndOn],
  ])('a flow ends when %s meanwhile', async (_, change) => {
    const account = await createTwoFactorAccount(appliance);
    const flow = await askedForFactor(account);
    const codes = await change(account);
    nextStep();
    const recovery_code = codes[9]!;
    expect((await twoFactor(flow, { recovery_code })).status).toBeOneOf([401, 410]);
    const sessions = await appliance.sql(
      `SELECT 1 FROM sessions WHERE user_id = $1 AND 'rcv' = ANY (amr)`,
      [account.id],
    );
    expect(sessions).toEqual([]);
  });
});

describe('living with it', () => {
  test('new recovery codes end the old ones', async () => {
    const account = await createTwoFactorAccount(appliance);
    nextStep();
    const regenerate = (body: object) =>
      post('/v1/me/two-factor/recovery-codes', account.token, body);
    expect((await regenerate({ password: PASSWORD })).status).toBe(403);
    const begun = await askedForFactor(account);
    const code = totp(account.secret);
    const made = await regenerate({ password: PASSWORD, code });
    expect(made.body.recovery_codes).toHaveLength(10);
    const late = { recovery_code: made.body.recovery_codes[1] };
    expect((await twoFactor(begun, late)).body.code).toBe('flow_expired');
    const old = { recovery_code: account.recoveryCodes[0]! };
    expect((await twoFactor(await askedForFactor(account), old)).body.code).toBe('invalid_code');
    const fresh = { recovery_code: made.body.recovery_codes[0] };
    expect((await twoFactor(await askedForFactor(account), fresh)).status).toBe(200);
    expect(await mailKinds(appliance, account.email)).toContain('recovery_codes_regenerated');
  });

  test('turning it off needs the password and a factor; a session alone does nothing', async () => {
    const account = await createTwoFactorAccount(appliance);
    nextStep();
    const disable = (body: object) => post('/v1/me/two-factor/totp/disable', account.token, body);
    expect((await disable({ code: totp(account.secret) })).status).toBe(422);
    const password = { password: PASSWORD };
    const codes = (body: object) => post('/v1/me/two-factor/recovery-codes', account.token, body);
    for (const answer of [await disable(password), await codes(password)])
      expect(answer).toMatchObject({ status: 403, body: { code: 'two_factor_required' } });
    const both = { ...password, code: totp(account.secret), recovery_code: 'AAAA-BBBB-CCCC-DDDD' };
    expect((await disable(both)).status).toBe(422);
    const wrong = await disable({ password: 'not my password at all', code: totp(account.secret) });
    expect(wrong.body.code).toBe('invalid_credentials');
    expect((await disable({ password: PASSWORD, code: totp(account.secret) })).status).toBe(204);
    expect((await logIn(appliance, account)).body.status).toBe('authenticated');
    expect((await disable({ password: PASSWORD, code: '123456' })).body.code).toBe('conflict');
    expect(await mailKinds(appliance, account.email)).toContain('two_factor_disabled');
    const { recovery_codes_left } = (await appliance.call('/v1/me', { token: account.token })).body;
    expect(recovery_codes_left).toBe(0);
  });

  test('a session from before needs the factor, too, for whatever is sensitive', async () => {
    const account = await createAccount(appliance);
    const earlier = await signIn(appliance, account);
    await enableTotp(appliance, account);
    const change = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
    expect((await post('/v1/me/password', earlier.token, change)).body.code).toBe(
      'two_factor_required',
    );
    const email = { new_email: 'other@example.com', password: PASSWORD };
    expect((await post('/v1/me/email', earlier.token, email)).body.code).toBe(
      'two_factor_required',
    );
  });

  test('a seed copied into another user’s row opens nothing there', async () => {
    const [thief, victim] = [
      await createTwoFactorAccount(appliance),
      await createTwoFactorAccount(appliance),
    ];
    await appliance.sql(
      `UPDATE totps SET sealed = t.sealed, data_kid = t.data_kid FROM totps AS t
       WHERE totps.user_id = $1 AND t.user_id = $2`,
      [victim.id, thief.id],
    );
    nextStep();
    const code = totp(thief.secret);
    expect((await twoFactor(await askedForFactor(victim), { code })).body.code).toBe(
      'invalid_code',
    );
    expect((await twoFactor(await askedForFactor(thief), { code })).status).toBe(200);
  });
});

describe.skipIf(whyNoOathtool)('with another implementation (oathtool)', () => {
  test.each([['UTC'], ['Pacific/Kiritimati'], ['America/St_Johns']])(
    'its codes are accepted on a device in %s',
    async (timeZone) => {
      const account = await createTwoFactorAccount(appliance);
      nextStep();
      const code = oathtoolCode(account.secret, appliance.clock.now(), timeZone);
      expect((await twoFactor(await askedForFactor(account), { code })).status).toBe(200);
    },
  );
});

async function changePassword(account: TwoFactorAccount): Promise<readonly string[]> {
  nextStep();
  const body = {
    current_password: PASSWORD,
    new_password: OTHER_PASSWORD,
    code: totp(account.secret),
  };
  expect((await post('/v1/me/password', account.token, body)).status).toBe(204);
  return account.recoveryCodes;
}

function setStatus(status: string) {
  return async (account: TwoFactorAccount): Promise<readonly string[]> => {
    await appliance.sql('UPDATE users SET status = $2 WHERE id = $1', [account.id, status]);
    return account.recoveryCodes;
  };
}

async function turnOffAndOn(account: TwoFactorAccount): Promise<readonly string[]> {
  nextStep();
  const body = { password: PASSWORD, code: totp(account.secret) };
  expect((await post('/v1/me/two-factor/totp/disable', account.token, body)).status).toBe(204);
  return (await enableTotp(appliance, account)).recoveryCodes;
}
