import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/services/audit/actor.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { startTestManagement, type TestManagement } from '../support/management.ts';
import { QUICK_SIGN_IN, type SignedIn, signUp } from '../support/sign-in.ts';
import { send } from './support/http.ts';

let appliance: TestAppliance;
let management: TestManagement;
let user: SignedIn;

beforeAll(async () => {
  appliance = await startAppliance({ env: { ...QUICK_SIGN_IN, AUTHCTL_AUDIENCE: 'shop' } });
  management = await startTestManagement(appliance);
  user = await signUp(appliance);
});
afterAll(async () => {
  await management.stop();
  await appliance.stop();
});

describe('introspection', () => {
  const introspect = (token: string) =>
    management.call('/admin/v1/introspect', { body: { token } });

  test('a good token is described by its claims', async () => {
    const { status, body } = await introspect(user.access);
    expect(status).toBe(200);
    expect(body).toEqual({
      active: true,
      token_type: 'Bearer',
      sub: user.userId,
      sid: user.sessionId,
      jti: expect.any(String),
      role: 'user',
      amr: ['pwd'],
      iss: appliance.core.issuer,
      aud: 'shop',
      iat: expect.any(Number),
      exp: body.iat + 900,
    });
  });

  test('anything else is inactive, and nothing more is said', async () => {
    const ended = await signUp(appliance);
    await appliance.api.services.users.sessions.endAll(SYSTEM_ACTOR, ended.userId);
    const operator = await management.operator('introspected', ['*']);
    const tampered = `${user.access.slice(0, 40)}A${user.access.slice(41)}`;
    const others = [
      user.refresh,
      ended.access,
      operator,
      tampered,
      '',
      'x'.repeat(10_000),
      '\u{1f600}',
    ];
    for (const token of others)
      expect(await introspect(token)).toMatchObject({ status: 200, body: { active: false } });
    const { body } = await introspect(ended.access);
    expect(Object.keys(body)).toEqual(['active']);
  });
});

describe('forward-auth', () => {
  const ask = (token: string | undefined, path = '', method = 'GET') =>
    send(management.port, {
      method,
      path: `/admin/v1/forward-auth${path}`,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });

  test('says who it is in headers, with nothing but the user’s own token', async () => {
    const { status, headers } = await ask(user.access);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'x-user-id': user.userId,
      'x-session-id': user.sessionId,
      'x-role': 'user',
      'x-token-id': expect.any(String),
      'cache-control': 'no-store',
    });
  });

  test('refuses anybody else, and says how to ask', async () => {
    const operator = await management.operator('forwarded', ['*']);
    for (const token of [undefined, '', 'nonsense', user.refresh, operator]) {
      const { status, headers } = await ask(token);
      expect(status).toBe(401);
      expect(headers['www-authenticate']).toMatch(/^Bearer/);
      expect(headers['x-user-id']).toBeUndefined();
    }
  });

  test('answers Envoy, which repeats the method, path and query of the request', async () => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
      for (const path of ['', '/', '/orders/17', '/a//b?next=%2F&x[]=1&x[]=2', '?q=%zz']) {
        expect((await ask(user.access, path, method)).status, method + path).toBe(200);
        expect((await ask('nonsense', path, method)).status, method + path).toBe(401);
      }
    expect((await ask(user.access, 'other')).status).toBe(404);
  });

  test('refuses at once what was ended here', async () => {
    const other = await signUp(appliance);
    expect((await ask(other.access)).status).toBe(200);
    await appliance.api.services.users.change(SYSTEM_ACTOR, other.userId, { status: 'locked' });
    expect((await ask(other.access)).status).toBe(401);
  });
});
