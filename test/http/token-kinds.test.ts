import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOpaqueToken } from '../../src/crypto/opaque-token.ts';
import { PUBLIC_ROUTES } from '../../src/http/routes.ts';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  PASSWORD,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { codeFor } from '../support/mailbox.ts';

/** Which flow tokens each step takes; everything else must be as dead there as a made-up one. */
const STEPS: readonly { path: string; takes: readonly string[]; body: object; live: string }[] = [
  {
    path: '/v1/verify',
    takes: ['verify flow'],
    body: { code: 'AAAA-AAAA' },
    live: 'invalid_code',
  },
  {
    path: '/v1/login/two-factor',
    takes: ['two-factor flow'],
    body: { code: '000000' },
    live: 'invalid_code',
  },
  {
    path: '/v1/password/forgot/verify',
    takes: ['forgot flow'],
    body: { code: 'AAAA-AAAA' },
    live: 'invalid_code',
  },
  {
    path: '/v1/password/reset',
    takes: ['reset flow'],
    body: { password: 'password' },
    live: 'password_too_weak',
  },
  {
    path: '/v1/me/email/verify',
    takes: ['e-mail flow'],
    body: { code: 'AAAA-AAAA' },
    live: 'invalid_code',
  },
  {
    path: '/v1/me/two-factor/totp/confirm',
    takes: ['TOTP flow'],
    body: { code: '000000' },
    live: 'invalid_code',
  },
  {
    path: '/v1/verify/resend',
    takes: ['verify flow', 'forgot flow'],
    body: {},
    live: '',
  },
];

let node: TestAppliance;
let kinds: Record<string, string>;
/** Signed in, and the owner of the e-mail and TOTP flows. */
let owner: { token: string };

beforeAll(async () => {
  node = await startAppliance({
    env: { AUTHCTL_HASH_MEMORY_KIB: '7168', AUTHCTL_HASH_PASSES: '5' },
  });
  kinds = await collectKinds();
});
afterAll(() => node.stop());

async function collectKinds(): Promise<Record<string, string>> {
  const user = await createAccount(node);
  owner = user;
  const verifying = newAddress();
  const registered = await node.call('/v1/register', {
    body: { email: verifying, password: PASSWORD },
  });
  const forgetful = await createAccount(node);
  const forgot = await node.call('/v1/password/forgot', { body: { email: forgetful.email } });
  const resetting = await createAccount(node);
  const twoFactor = await logIn(node, await createTwoFactorAccount(node));
  const newEmail = newAddress();
  const email = await node.call('/v1/me/email', {
    token: user.token,
    body: { new_email: newEmail, password: PASSWORD },
  });
  const totp = await node.call('/v1/me/two-factor/totp', {
    token: user.token,
    body: { password: PASSWORD },
  });
  return {
    'access token': user.token,
    'refresh token': user.refreshToken,
    'operator token': createOpaqueToken('op_').token,
    'made-up flow': createOpaqueToken('ft_').token,
    'verify flow': registered.body.flow_token,
    'forgot flow': forgot.body.flow_token,
    'reset flow': await authorizeReset(node, resetting.email),
    'two-factor flow': twoFactor.body.flow_token,
    'e-mail flow': email.body.flow_token,
    'TOTP flow': totp.body.flow_token,
    'mailed code': await codeFor(node, verifying, 'verify_email'),
    'user id': user.id,
    'session id': user.sessionId,
  };
}

test('there is one token of every kind', () => {
  expect(Object.values(kinds).every((token) => typeof token === 'string' && token !== '')).toBe(
    true,
  );
  expect(new Set(Object.values(kinds)).size).toBe(Object.keys(kinds).length);
});

const bearerRoutes = PUBLIC_ROUTES.filter(({ auth }) => auth === 'bearer');

test.each(bearerRoutes.map(({ name, method, path }) => ({ name, method, path })))(
  '$name opens to an access token and to nothing else',
  async ({ method, path }) => {
    const url = path.replace('{id}', '0190a0a0-0000-7000-8000-000000000000');
    for (const [kind, token] of Object.entries(kinds)) {
      if (kind === 'access token') continue;
      const answer = await node.call(url, { method: method.toUpperCase(), token });
      expect(answer, kind).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
    }
    const anonymous = await node.call(url, { method: method.toUpperCase() });
    expect(anonymous).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
  },
);

test('only a refresh token refreshes', async () => {
  for (const [kind, token] of Object.entries(kinds)) {
    if (kind === 'refresh token') continue;
    const { status } = await node.call('/v1/token/refresh', { body: { refresh_token: token } });
    // A text that is too long to be one is refused for its length.
    expect([401, 422], kind).toContain(status);
  }
});

describe('each step of a flow takes the tokens of its own purpose and no others', () => {
  test.each(STEPS)('$path', async ({ path, takes, body }) => {
    for (const [kind, token] of Object.entries(kinds)) {
      if (takes.includes(kind)) continue;
      const answer = await node.call(path, {
        token: owner.token,
        body: { flow_token: token, ...body },
      });
      expect([410, 422], `${kind} at ${path}: ${JSON.stringify(answer.body)}`).toContain(
        answer.status,
      );
      if (answer.status === 422) expect(answer.body.code).toBe('validation_failed');
      else expect(answer.body.code).toBe('flow_expired');
    }
  });

  test('and was not used up by being tried elsewhere', async () => {
    for (const { path, takes, body, live } of STEPS.filter((step) => step.live !== '')) {
      const answer = await node.call(path, {
        token: owner.token,
        body: { flow_token: kinds[takes[0]!], ...body },
      });
      expect(answer.body.code, path).toBe(live);
    }
  });

  test('those of signed-in users only together with their owner’s access token', async () => {
    const stranger = await createAccount(node);
    for (const [path, kind] of [
      ['/v1/me/email/verify', 'e-mail flow'],
      ['/v1/me/two-factor/totp/confirm', 'TOTP flow'],
    ] as const) {
      const body = { flow_token: kinds[kind], code: '000000' };
      expect(await node.call(path, { body, token: stranger.token })).toMatchObject({
        status: 410,
        body: { code: 'flow_expired' },
      });
      expect((await node.call(path, { body })).status).toBe(401);
    }
  });
});
