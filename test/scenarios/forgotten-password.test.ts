import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  isSignedIn,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
  signIn,
} from '../support/accounts.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { codeFor, type MailedAppliance, startMailedAppliance } from '../support/mailbox.ts';

let appliance: MailedAppliance;

beforeAll(async () => {
  appliance = await startMailedAppliance();
});
afterAll(() => appliance.stop());

const forgot = (email: string) => appliance.call('/v1/password/forgot', { body: { email } });
const verify = (flow_token: string, code: string) =>
  appliance.call('/v1/password/forgot/verify', { body: { flow_token, code } });
const reset = (flow_token: string, password: string) =>
  appliance.call('/v1/password/reset', { body: { flow_token, password } });
const resend = (flow_token: string) =>
  appliance.call('/v1/verify/resend', { body: { flow_token } });

test('forgot, verify, reset: the new password works, every session has ended, the owner is told', async () => {
  const account = await createAccount(appliance);
  const other = await signIn(appliance, account);

  const asked = await forgot(` ${account.email.toUpperCase()} `);
  expect(asked.status).toBe(202);
  expect(asked.body).toEqual({
    status: 'code_sent',
    flow_token: expect.stringMatching(/^ft_/),
    expires_at: expect.any(String),
  });
  const code = await codeFor(appliance, account.email, 'reset_password');
  const verified = await verify(asked.body.flow_token, code);
  expect(verified).toMatchObject({ status: 200, body: { status: 'reset_authorized' } });
  expect(await isSignedIn(appliance, account.token)).toBe(true);

  const done = await reset(verified.body.flow_token, OTHER_PASSWORD);
  expect(done).toMatchObject({
    status: 200,
    body: { status: 'password_reset', sessions_revoked: 2 },
  });
  expect(done.body).not.toHaveProperty('tokens');
  expect(await isSignedIn(appliance, account.token)).toBe(false);
  for (const { refreshToken } of [account, other]) {
    const body = { refresh_token: refreshToken };
    expect((await appliance.call('/v1/token/refresh', { body })).status).toBe(401);
  }
  expect((await logIn(appliance, account)).body.code).toBe('invalid_credentials');
  const again = await logIn(appliance, { email: account.email, password: OTHER_PASSWORD });
  expect(again.body.status).toBe('authenticated');
  expect((await reset(verified.body.flow_token, PASSWORD)).body.code).toBe('flow_expired');

  const notice = (await appliance.mailsTo(account.email)).at(-1);
  expect(notice?.mail.subject).toMatch(/password/i);
  expect(notice?.mail.text).toContain('127.0.0.1');
});

test('a reset leaves two-factor on, and signing in still asks for it', async () => {
  const account = await createTwoFactorAccount(appliance);
  const flow = await authorizeReset(appliance, account.email);
  expect((await reset(flow, OTHER_PASSWORD)).status).toBe(200);
  const asked = await logIn(appliance, { email: account.email, password: OTHER_PASSWORD });
  expect(asked.body).toMatchObject({
    status: 'two_factor_required',
    methods: ['totp', 'recovery_code'],
  });
  appliance.clock.advance(30_000);
  const code = authenticatorCode(account.secret, appliance.clock.now());
  const body = { flow_token: asked.body.flow_token, code };
  expect((await appliance.call('/v1/login/two-factor', { body })).body).toMatchObject({
    status: 'authenticated',
    user: { two_factor_enabled: true, recovery_codes_left: 10 },
  });
});

test('a refused new password costs a try, not the flow; five refusals end it', async () => {
  const account = await createAccount(appliance);
  const flow = await authorizeReset(appliance, account.email);
  expect((await reset(flow, 'short')).body.code).toBe('validation_failed');
  expect((await reset(flow, 'password1')).body.code).toBe('password_too_weak');
  const personal = await reset(flow, `${account.email.split('@')[0]}-kite`);
  expect(personal.body.errors).toMatchObject([{ pointer: '/password', code: 'personal' }]);
  expect((await reset(flow, PASSWORD)).body.code).toBe('password_reused');
  expect((await reset(flow, OTHER_PASSWORD)).body.status).toBe('password_reset');

  const next = await authorizeReset(appliance, account.email);
  for (let attempt = 0; attempt < 5; attempt += 1)
    expect((await reset(next, 'short')).body.code).toBe('validation_failed');
  expect((await reset(next, 'eleven brown horses at dawn')).body.code).toBe('flow_expired');
});

test('the last five passwords are not accepted again, the sixth is', async () => {
  const { email } = await createAccount(appliance);
  const words = ['amber', 'basil', 'cedar', 'dahlia', 'elder', 'fennel'];
  const passwords = [PASSWORD, ...words.map((word) => `seventeen ${word} trees in a row`)];
  for (const password of passwords.slice(1, 5))
    expect((await reset(await authorizeReset(appliance, email), password)).status).toBe(200);
  const flow = await authorizeReset(appliance, email);
  expect((await reset(flow, PASSWORD)).body.code).toBe('password_reused');
  expect((await reset(flow, passwords[4]!)).body.code).toBe('password_reused');
  expect((await reset(flow, passwords[5]!)).status).toBe(200);
  expect((await reset(await authorizeReset(appliance, email), PASSWORD)).status).toBe(200);
  const kept = await appliance.sql(
    `SELECT 1 FROM password_history AS h JOIN users AS u ON u.id = h.user_id WHERE u.email = $1`,
    [email],
  );
  expect(kept, 'what is not compared with any more is not kept').toHaveLength(4);
});

test('a pending account may reset: the code proves the mailbox too', async () => {
  const email = newAddress();
  await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  const flow = await authorizeReset(appliance, email);
  expect((await reset(flow, OTHER_PASSWORD)).body).toEqual({
    status: 'password_reset',
    sessions_revoked: 0,
  });
  expect((await logIn(appliance, { email, password: OTHER_PASSWORD })).body).toMatchObject({
    status: 'authenticated',
    user: { status: 'active', email_verified: true },
  });
});

test('every later code ends the ones mailed before it; a used one ends them all', async () => {
  const { email } = await createAccount(appliance);
  const old = (await forgot(email)).body.flow_token;
  const oldCode = await codeFor(appliance, email, 'reset_password');
  const asked = (await forgot(email)).body.flow_token;
  const askedCode = await codeFor(appliance, email, 'reset_password');
  expect((await verify(old, oldCode)).body.code).toBe('flow_expired');

  const resent = await resend(asked);
  expect(resent.body).toEqual({
    status: 'code_sent',
    flow_token: expect.stringMatching(/^ft_/),
    expires_at: expect.any(String),
  });
  expect((await verify(asked, askedCode)).body.code).toBe('flow_expired');
  expect((await verify(resent.body.flow_token, askedCode)).body.code).toBe('invalid_code');
  const code = await codeFor(appliance, email, 'reset_password');
  expect((await verify(resent.body.flow_token, code)).status).toBe(200);
  expect((await verify(resent.body.flow_token, code)).body.code).toBe('flow_expired');
});

test('asking is on record, of an unknown address without a name', async () => {
  const account = await createAccount(appliance);
  const nobody = newAddress();
  const requestIds = [];
  for (const email of [account.email, nobody])
    requestIds.push((await forgot(email)).headers.get('x-request-id'));
  const records = await appliance.sql(
    `SELECT user_id, actor_kind, ip, detail FROM audit
     WHERE action = 'password.reset_requested' AND request_id = ANY($1) ORDER BY id`,
    [requestIds],
  );
  const from = { actor_kind: 'anonymous', ip: '127.0.0.1', detail: null };
  expect(records).toEqual([
    { ...from, user_id: account.id },
    { ...from, user_id: null },
  ]);
});

test('an unknown address: real flows with the same tries, resend and end, and not one mail', async () => {
  const email = newAddress();
  const first = (await forgot(email)).body.flow_token;
  const second = (await forgot(email)).body.flow_token;
  expect((await verify(first, 'AAAA-AAAA')).body.code).toBe('flow_expired');
  const third = (await resend(second)).body.flow_token;
  expect((await verify(second, 'AAAA-AAAA')).body.code).toBe('flow_expired');
  for (let attempt = 0; attempt < 5; attempt += 1)
    expect((await verify(third, 'AAAA-AAAA')).body.code).toBe('invalid_code');
  expect((await verify(third, 'AAAA-AAAA')).body.code).toBe('flow_expired');
  expect((await resend(third)).body.code).toBe('flow_expired');
  expect(await appliance.mailsTo(email)).toEqual([]);
});

test('a code is good for the mailbox it was sent to, and for no other that the account has since', async () => {
  const { id, email } = await createAccount(appliance);
  const asked = await forgot(email);
  const code = await codeFor(appliance, email, 'reset_password');
  await appliance.sql('UPDATE users SET email = $2 WHERE id = $1', [id, newAddress()]);
  expect((await verify(asked.body.flow_token, code)).body.code).toBe('flow_expired');
});

test.each([['locked'], ['disabled']])('a %s account is mailed nothing', async (status) => {
  const { id, email } = await createAccount(appliance);
  await appliance.sql('UPDATE users SET status = $2 WHERE id = $1', [id, status]);
  const mails = (await appliance.mailsTo(email)).length;
  const asked = await forgot(email);
  expect(asked).toMatchObject({ status: 202, body: { status: 'code_sent' } });
  expect((await verify(asked.body.flow_token, 'AAAA-AAAA')).body.code).toBe('invalid_code');
  expect(await appliance.mailsTo(email)).toHaveLength(mails);
});

test('what is no address, or more than one, is refused and mailed nothing', async () => {
  const lookAlike = '\u212Aate@example.com';
  const list = 'a@example.com,b@example.com';
  for (const email of ['', 'nobody', list, '"a b"@example.com', 'a@b', lookAlike])
    expect((await forgot(email)).body.code).toBe('validation_failed');
  for (const email of [['a@example.com'], { not: '' }, null, 7, true])
    expect((await appliance.call('/v1/password/forgot', { body: { email } })).status).toBe(422);
});

test('an address is that address: what a pattern would match is somebody else', async () => {
  const { email } = await createAccount(appliance, { email: 'under_score@example.com' });
  const mails = (await appliance.mailsTo(email)).length;
  for (const pattern of ['under%@example.com', '%@example.com', 'underxscore@example.com']) {
    expect((await forgot(pattern)).status).toBe(202);
    expect((await logIn(appliance, { email: pattern })).body.code).toBe('invalid_credentials');
  }
  expect(await appliance.mailsTo(email)).toHaveLength(mails);
});
