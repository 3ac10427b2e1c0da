import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
  type TwoFactorAccount,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { dumpDatabase } from '../support/dump.ts';
import { codeFor } from '../support/mailbox.ts';

/** Every kind of token at every endpoint that takes one: only the diagonal passes. */
let appliance: TestAppliance;
let account: TwoFactorAccount;
let plain: { token: string };
const tokens: Record<string, string> = {};
const codes: Record<string, string> = {};

interface Endpoint {
  /** The kinds it is for. */
  readonly takes: readonly string[];
  readonly call: (token: string) => Parameters<TestAppliance['call']>;
}

const ENDPOINTS: Record<string, Endpoint> = {
  'POST /v1/verify': {
    takes: ['verify'],
    call: (flow_token) => ['/v1/verify', { body: { flow_token, code: codes['verify'] } }],
  },
  'POST /v1/verify/resend': {
    takes: ['verify', 'forgot'],
    call: (flow_token) => ['/v1/verify/resend', { body: { flow_token } }],
  },
  'POST /v1/login/two-factor, a code': {
    takes: ['two_factor'],
    call: (flow_token) => ['/v1/login/two-factor', { body: { flow_token, code: totp() } }],
  },
  'POST /v1/login/two-factor, a recovery code': {
    takes: ['two_factor'],
    call: (flow_token) => [
      '/v1/login/two-factor',
      { body: { flow_token, recovery_code: account.recoveryCodes[0] } },
    ],
  },
  'POST /v1/password/forgot/verify': {
    takes: ['forgot'],
    call: (flow_token) => [
      '/v1/password/forgot/verify',
      { body: { flow_token, code: codes['forgot'] } },
    ],
  },
  'POST /v1/password/reset': {
    takes: ['reset'],
    call: (flow_token) => [
      '/v1/password/reset',
      { body: { flow_token, password: OTHER_PASSWORD } },
    ],
  },
  'POST /v1/me/email/verify': {
    takes: ['email_change'],
    call: (flow_token) => [
      '/v1/me/email/verify',
      { token: account.token, body: { flow_token, code: codes['email_change'] } },
    ],
  },
  'POST /v1/me/two-factor/totp/confirm': {
    takes: ['totp_setup'],
    call: (flow_token) => [
      '/v1/me/two-factor/totp/confirm',
      { token: plain.token, body: { flow_token, code: codes['totp_setup'] } },
    ],
  },
  'POST /v1/token/refresh': {
    takes: ['refresh'],
    call: (refresh_token) => ['/v1/token/refresh', { body: { refresh_token } }],
  },
  'GET /v1/me': { takes: ['access'], call: (token) => ['/v1/me', { token }] },
  'POST /v1/logout': {
    takes: ['access'],
    call: (token) => ['/v1/logout', { token, method: 'POST' }],
  },
};

const KINDS = [
  'access',
  'refresh',
  'verify',
  'two_factor',
  'forgot',
  'reset',
  'email_change',
  'totp_setup',
  'unknown flow',
  'operator',
  'empty',
];

const totp = () => authenticatorCode(account.secret, appliance.clock.now());

beforeAll(async () => {
  appliance = await startAppliance();
  account = await createTwoFactorAccount(appliance);
  appliance.clock.advance(30_000);
  tokens['access'] = account.token;
  tokens['refresh'] = account.refreshToken;
  tokens['two_factor'] = (await logIn(appliance, account)).body.flow_token;
  tokens['reset'] = await authorizeReset(appliance, account.email);
  const { email } = account;
  tokens['forgot'] = (
    await appliance.call('/v1/password/forgot', { body: { email } })
  ).body.flow_token;
  codes['forgot'] = await codeFor(appliance, email, 'reset_password');

  const new_email = newAddress();
  const change = { new_email, password: PASSWORD, code: totp() };
  const asked = await appliance.call('/v1/me/email', { token: account.token, body: change });
  tokens['email_change'] = asked.body.flow_token;
  codes['email_change'] = await codeFor(appliance, new_email, 'change_email');
  appliance.clock.advance(30_000);

  const pending = { email: newAddress(), password: PASSWORD };
  const registered = await appliance.call('/v1/register', { body: pending });
  tokens['verify'] = registered.body.flow_token;
  codes['verify'] = await codeFor(appliance, pending.email, 'verify_email');

  plain = await createAccount(appliance);
  const setup = await appliance.call('/v1/me/two-factor/totp', {
    token: plain.token,
    body: { password: PASSWORD },
  });
  tokens['totp_setup'] = setup.body.flow_token;
  codes['totp_setup'] = authenticatorCode(setup.body.secret, appliance.clock.now());

  tokens['unknown flow'] = `ft_${'A'.repeat(43)}`;
  tokens['operator'] = `op_${'A'.repeat(43)}`;
  tokens['empty'] = '';
});
afterAll(() => appliance.stop());

/** What nothing may change but time: sessions and flows, users and their secrets, mails. */
const readState = () => dumpDatabase(appliance, ['nodes', 'limit_counters', 'instance']);

test('a token of another kind is refused, and nothing changes', async () => {
  const before = await readState();
  const failures: string[] = [];
  for (const [name, { takes, call }] of Object.entries(ENDPOINTS)) {
    for (const kind of KINDS.filter((candidate) => !takes.includes(candidate))) {
      const answer = await appliance.call(...call(tokens[kind]!));
      const expected = name.includes('token/refresh') || /me$|logout/.test(name) ? 401 : 410;
      if (answer.status !== expected) failures.push(`${kind} at ${name}: ${answer.status}`);
    }
  }
  expect(failures).toEqual([]);
  expect(await readState()).toEqual(before);
});

test('an access token that is no current one of ours opens nothing', async () => {
  const [header, purpose, payload] = account.token.split('.');
  const forged = [
    account.token.slice(0, -1),
    `${account.token}A`,
    account.token.toUpperCase(),
    [header, 'local', payload].join('.'),
    ['v3', purpose, payload].join('.'),
    `${account.token}, ${account.token}`,
    account.refreshToken,
  ];
  for (const token of forged) {
    const { status } = await appliance.call('/v1/me', { token });
    expect(status).toBe(401);
  }
  for (const authorization of [
    account.token,
    `Basic ${account.token}`,
    `Bearer\t${account.token}`,
  ]) {
    const { status } = await appliance.call('/v1/me', { headers: { authorization } });
    expect(status).toBe(401);
  }
});

describe('codes that are none', () => {
  const MALFORMED = [
    '',
    ' ',
    '12345',
    '1234567',
    '123 456',
    '１２３４５６',
    'ＡＢＣＤ-ＥＦＧＨ',
    'x'.repeat(10_000),
    '-'.repeat(8),
    '%',
    '0',
    'null',
    "' OR 1=1 --",
  ];
  const NOT_TEXT = [null, 123_456, ['123456'], { not: '' }, true];

  test.each([
    ['/v1/verify', 'verify', 'code'],
    ['/v1/password/forgot/verify', 'forgot', 'code'],
    ['/v1/login/two-factor', 'two_factor', 'code'],
    ['/v1/login/two-factor', 'two_factor', 'recovery_code'],
    ['/v1/me/email/verify', 'email_change', 'code'],
    ['/v1/me/two-factor/totp/confirm', 'totp_setup', 'code'],
  ])('at %s fail like a wrong code and count (%s, %s)', async (path, kind, field) => {
    const token = kind === 'totp_setup' ? plain.token : account.token;
    const send = (code: unknown) =>
      appliance.call(path, { token, body: { flow_token: tokens[kind], [field]: code } });
    const setTries = (tries: number) =>
      appliance.sql('UPDATE flows SET tries = $2 WHERE purpose = $1', [kind, tries]);
    for (const code of MALFORMED) {
      await setTries(0);
      expect([code, (await send(code)).body.code]).toEqual([code, 'invalid_code']);
      const rows = await appliance.sql(
        'SELECT max(tries)::int AS tries FROM flows WHERE purpose = $1',
        [kind],
      );
      expect(rows).toEqual([{ tries: 1 }]);
    }
    await setTries(4);
    expect((await send('')).body.code).toBe('invalid_code');
    expect((await send('')).body.code).toBe('flow_expired');
    await setTries(0);
    for (const code of NOT_TEXT) expect((await send(code)).body.code).toBe('validation_failed');
  });

  test('at re-authentication, too', async () => {
    for (const code of MALFORMED) {
      for (const field of ['code', 'recovery_code']) {
        const body = { password: PASSWORD, [field]: code };
        const answer = await appliance.call('/v1/me/two-factor/totp/disable', {
          token: account.token,
          body,
        });
        expect([field, code, answer.body.code]).toEqual([field, code, 'invalid_code']);
      }
    }
  });
});

test('each token passes where it belongs', async () => {
  // The reset comes last: it ends the sessions and flows of its user.
  const kinds = ['verify', 'totp_setup', 'two_factor', 'forgot', 'refresh', 'access', 'reset'];
  for (const kind of kinds) {
    const [name, { call }] = Object.entries(ENDPOINTS).find(([, { takes }]) => takes[0] === kind)!;
    const { status } = await appliance.call(...call(tokens[kind]!));
    expect([name, status]).toEqual([name, 200]);
  }
});
