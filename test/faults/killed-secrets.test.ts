import { afterEach, beforeEach, expect, test } from 'vitest';
import { call } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from '../support/process.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp.ts';

const PASSWORD = 'correct horse battery staple';
const SECOND = 'seven green parrots at noon';
const THIRD = 'nine yellow tulips for lunch';

let installation: Installation;
let sink: SmtpSink;
let url: string;

beforeEach(async () => {
  sink = await startSmtpSink({ options: { disabledCommands: ['STARTTLS'] } });
  installation = await createInstallation({
    AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
    AUTHCTL_LOG_LEVEL: 'error',
  });
});
afterEach(async () => {
  await installation.remove();
  await sink.close();
});

const post = (path: string, body: object, token?: string) =>
  call(url + path, token === undefined ? { body } : { body, token });
const refresh = (refresh_token: string) => post('/v1/token/refresh', { refresh_token });
const statusOfMe = async (token: string) => (await call(`${url}/v1/me`, { token })).status;

/** The code of the newest mail to an address that has one. */
async function codeFor(email: string, mails: number): Promise<string> {
  const codes = () =>
    sink.received
      .filter(({ to }) => to.includes(email))
      .flatMap(({ mail }) => /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(mail.text ?? '')?.[0] ?? []);
  await eventually('the mail is there', () => codes().length === mails, 30_000);
  return codes().at(-1)!;
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

async function createAccount(email: string): Promise<Tokens> {
  const registered = await post('/v1/register', { email, password: PASSWORD });
  const { flow_token } = registered.body;
  const verified = await post('/v1/verify', { flow_token, code: await codeFor(email, 1) });
  expect(verified.status).toBe(200);
  return verified.body.tokens;
}

async function signIn(email: string, password = PASSWORD): Promise<Tokens> {
  const { status, body } = await post('/v1/login', { email, password });
  expect({ status, is: body.status }).toEqual({ status: 200, is: 'authenticated' });
  return body.tokens;
}

test('kill -9 of everything: what was ended, used or replaced a moment ago stays so', async () => {
  let api = await installation.serve();
  url = api.url;
  const [ada, bob, eve] = ['ada@example.com', 'bob@example.com', 'eve@example.com'];

  // Three tokens of one session, another session to leave, and one that goes on.
  const first = await createAccount(ada);
  const second = (await refresh(first.refresh_token)).body.tokens as Tokens;
  const leaving = await signIn(ada);
  const staying = await signIn(ada);

  // Two-factor, whose codes are good for a minute yet when they have been used.
  const { access_token: bobs } = await createAccount(bob);
  const begun = await post('/v1/me/two-factor/totp', { password: PASSWORD }, bobs);
  const { flow_token, secret } = begun.body;
  const totp = (steps: number) => authenticatorCode(secret, new Date(), steps);
  const setup = { flow_token, code: totp(0) };
  const confirmed = await post('/v1/me/two-factor/totp/confirm', setup, bobs);
  const [recovery_code] = confirmed.body.recovery_codes;
  const askedForFactor = async () =>
    (await post('/v1/login', { email: bob, password: PASSWORD })).body.flow_token as string;
  const factors = [
    { flow_token: await askedForFactor(), code: totp(1) },
    { flow_token: await askedForFactor(), recovery_code },
  ];

  // A password that is forgotten, and one that is changed.
  const eves = await createAccount(eve);
  const asked = await post('/v1/password/forgot', { email: eve });
  const mailed = { flow_token: asked.body.flow_token, code: await codeFor(eve, 2) };
  const authorized = await post('/v1/password/forgot/verify', mailed);
  const reset = { flow_token: authorized.body.flow_token, password: SECOND };
  const change = { current_password: PASSWORD, new_password: THIRD };

  // All of it at once, so that the last of it is as fresh as can be.
  const done = await Promise.all([
    refresh(second.refresh_token),
    call(`${url}/v1/logout`, { method: 'POST', token: leaving.access_token }),
    post('/v1/password/reset', reset),
    ...factors.map((factor) => post('/v1/login/two-factor', factor)),
  ]);
  expect(done.map(({ status }) => status)).toEqual([200, 204, 200, 200, 200]);
  const third = done[0].body.tokens as Tokens;
  const changed = await post('/v1/me/password', change, staying.access_token);
  expect(changed.status).toBe(204);
  installation.killPostgres();
  await api.end('SIGKILL');

  api = await installation.serve();
  url = api.url;
  // What goes on: the session that changed the password, and the passwords.
  expect(await statusOfMe(staying.access_token)).toBe(200);
  expect((await refresh(staying.refresh_token)).status).toBe(200);
  await signIn(ada, THIRD);
  await signIn(eve, SECOND);
  // What has ended: the sessions that were left, changed away from, reset, and their tokens.
  for (const { access_token, refresh_token } of [third, leaving, eves, second, first]) {
    expect(await statusOfMe(access_token)).toBe(401);
    expect((await refresh(refresh_token)).status).toBe(401);
  }
  for (const email of [ada, eve])
    expect((await post('/v1/login', { email, password: PASSWORD })).status).toBe(401);
  // What was used up: flows, codes and tokens.
  for (const factor of factors) {
    expect((await post('/v1/login/two-factor', factor)).body.code).toBe('flow_expired');
    const again = { ...factor, flow_token: await askedForFactor() };
    expect((await post('/v1/login/two-factor', again)).body.code).toBe('invalid_code');
  }
  expect((await post('/v1/password/forgot/verify', mailed)).body.code).toBe('flow_expired');
  expect((await post('/v1/password/reset', reset)).body.code).toBe('flow_expired');
  expect(await api.end('SIGTERM')).toBe(0);
}, 120_000);
