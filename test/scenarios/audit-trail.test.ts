import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { codeFor } from '../support/mailbox.ts';

const WRONG = 'not my password at all';
const WRONG_CODE = 'AAAA-AAAA';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance();
});
afterAll(() => appliance.stop());

const post = (path: string, body: object, token?: string) =>
  appliance.call(path, { body, ...(token ? { token } : {}) });

/** What a step leaves on record: action and result, each with the request that it came with. */
async function recordsOf(step: () => Promise<{ status: number; headers: Headers }>) {
  const { status, headers } = await step();
  const records = await appliance.sql<{ action: string; result: string; user_id: string | null }>(
    'SELECT action, result, user_id FROM audit WHERE request_id = $1 ORDER BY id',
    [headers.get('x-request-id')],
  );
  return { status, records: records.map(({ action, result }) => `${action} ${result}`) };
}

test('every step of a sign-in is on record, right or wrong', async () => {
  const account = await createTwoFactorAccount(appliance);
  const { email } = account;
  appliance.clock.advance(30_000);
  const totp = authenticatorCode(account.secret, appliance.clock.now());
  let flow_token = '';
  const password = () =>
    logIn(appliance, { email }).then((answer) => {
      flow_token = answer.body.flow_token;
      return answer;
    });
  const factor = (code: string) => () => post('/v1/login/two-factor', { flow_token, code });

  expect(await recordsOf(() => logIn(appliance, { email, password: WRONG }))).toEqual({
    status: 401,
    records: ['login.failed refused'],
  });
  expect(await recordsOf(password)).toEqual({
    status: 200,
    records: ['login.password_accepted ok'],
  });
  expect(await recordsOf(factor('000000'))).toEqual({
    status: 401,
    records: ['two_factor.failed refused'],
  });
  expect(await recordsOf(factor(totp))).toEqual({ status: 200, records: ['session.created ok'] });

  await appliance.sql(`UPDATE users SET status = 'locked' WHERE email = $1`, [email]);
  expect(await recordsOf(password)).toEqual({
    status: 403,
    records: ['login.password_accepted refused'],
  });
});

test('a wrong password is on record for the account that was meant; nothing of an address that is nobody’s', async () => {
  const { email } = await createAccount(appliance);
  const [user] = await appliance.sql<{ id: string }>('SELECT id FROM users WHERE email = $1', [
    email,
  ]);
  const stranger = newAddress();
  for (const address of [email, stranger]) {
    const { headers } = await logIn(appliance, { email: address, password: WRONG });
    const records = await appliance.sql<Record<string, unknown>>(
      `SELECT * FROM audit WHERE request_id = $1`,
      [headers.get('x-request-id')],
    );
    expect(records).toMatchObject([{ user_id: address === email ? user!.id : null, detail: null }]);
    expect(JSON.stringify(records)).not.toContain(address);
  }
});

test('every code that a mailbox gets is on record, right or wrong', async () => {
  const email = newAddress();
  await post('/v1/register', { email, password: PASSWORD });
  let flow_token = '';
  const unproved = async () => {
    const answer = await logIn(appliance, { email });
    flow_token = answer.body.flow_token;
    return answer;
  };
  const verify = (code: string) => () => post('/v1/verify', { flow_token, code });
  expect(await recordsOf(unproved)).toEqual({
    status: 200,
    records: ['login.password_accepted ok'],
  });
  expect(await recordsOf(verify(WRONG_CODE))).toEqual({
    status: 401,
    records: ['code.failed refused'],
  });
  const { records } = await recordsOf(verify(await codeFor(appliance, email, 'verify_email')));
  expect(records).toContain('user.verified ok');
  expect(records).toContain('session.created ok');

  const forgot = await post('/v1/password/forgot', { email });
  const reset = (code: string) => () =>
    post('/v1/password/forgot/verify', { flow_token: forgot.body.flow_token, code });
  expect((await recordsOf(reset(WRONG_CODE))).records).toEqual(['code.failed refused']);
  const code = await codeFor(appliance, email, 'reset_password');
  expect((await recordsOf(reset(code))).records).toEqual(['password.reset_authorized ok']);
});

test('a code for nobody is recorded like one for somebody', async () => {
  const forgot = await post('/v1/password/forgot', { email: newAddress() });
  const { flow_token } = forgot.body;
  const verify = () => post('/v1/password/forgot/verify', { flow_token, code: WRONG_CODE });
  expect(await recordsOf(verify)).toEqual({ status: 401, records: ['code.failed refused'] });
});

test('what a signed-in user does is on record', async () => {
  const { email, token } = await createAccount(appliance);
  const next = newAddress();
  let flow_token = '';
  const change = async () => {
    const answer = await post('/v1/me/email', { new_email: next, password: PASSWORD }, token);
    flow_token = answer.body.flow_token;
    return answer;
  };
  const prove = (code: string) => () => post('/v1/me/email/verify', { flow_token, code }, token);
  expect((await recordsOf(change)).records).toEqual(['email.change_requested ok']);
  expect((await recordsOf(prove(WRONG_CODE))).records).toEqual(['code.failed refused']);
  const code = await codeFor(appliance, next, 'change_email');
  expect((await recordsOf(prove(code))).records).toEqual(['email.changed ok']);

  const setup = await post('/v1/me/two-factor/totp', { password: PASSWORD }, token);
  const confirm = () => {
    const body = { flow_token: setup.body.flow_token, code: '000000' };
    return post('/v1/me/two-factor/totp/confirm', body, token);
  };
  expect((await recordsOf(confirm)).records).toEqual(['two_factor.failed refused']);
  const renew = async () => {
    const owner = await createTwoFactorAccount(appliance);
    const body = { password: PASSWORD, recovery_code: owner.recoveryCodes[0] };
    return post('/v1/me/two-factor/recovery-codes', body, owner.token);
  };
  expect((await recordsOf(renew)).records).toContain('recovery_codes.regenerated ok');
  const read = () => appliance.call('/v1/me/export', { token });
  expect(await recordsOf(read)).toEqual({ status: 200, records: ['user.exported ok'] });

  const authorized = await authorizeReset(appliance, next);
  const reset = () =>
    post('/v1/password/reset', { flow_token: authorized, password: OTHER_PASSWORD });
  expect((await recordsOf(reset)).records).toContain('password.reset ok');
  expect(email).not.toBe(next);
});
