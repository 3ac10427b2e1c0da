import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MANAGEMENT_ROUTES } from '../../src/http/management-routes.ts';
import { covers, SCOPES } from '../../src/services/operator/scopes.ts';
import {
  createAccount,
  createTwoFactorAccount,
  isSignedIn,
  OTHER_PASSWORD,
  PASSWORD,
  signIn,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { startTestManagement, type TestManagement } from '../support/management.ts';
import { tagsOf } from './support/tags.ts';

const NOBODY = '00000000-0000-7000-8000-000000000000';

let appliance: TestAppliance;
let management: TestManagement;

beforeAll(async () => {
  appliance = await startAppliance();
  management = await startTestManagement(appliance);
});
afterAll(async () => {
  await management.stop();
  await appliance.stop();
});

const operatorRoutes = MANAGEMENT_ROUTES.filter(({ auth }) => auth === 'operator');

/** A request of a route that reaches its handler and changes nothing, as it names nobody. */
function ask(route: (typeof MANAGEMENT_ROUTES)[number], token?: string) {
  const path = route.path
    .replace('{id}', NOBODY)
    .replace('{session_id}', NOBODY)
    .replaceAll(/\{\w+\}/g, 'nobody.example');
  const seconds = path.startsWith('/debug') ? '?seconds=0' : '';
  return management.call(path + seconds, {
    method: route.method.toUpperCase(),
    token: token ?? '',
    ...(['post', 'put', 'patch'].includes(route.method) ? { body: { unknown: 1 } } : {}),
  });
}

/** What a route must ask for, by where it is and what it does. */
function scopeFor({ path, method }: (typeof MANAGEMENT_ROUTES)[number]): string | undefined {
  if (path.startsWith('/debug/')) return 'debug';
  const area = path.split('/')[3]!;
  if (area === 'operator') return undefined;
  if (area === 'introspect') return 'introspect';
  return `${area === 'sessions' ? 'users' : area}:${method === 'get' ? 'read' : 'write'}`;
}

describe('who may', () => {
  test('nothing is open to a stranger, a user, or the holder of another kind of token', async () => {
    const { token, refreshToken } = await createAccount(appliance);
    const expired = await management.operator('expired', ['*'], 1_000);
    appliance.clock.advance(1_001);
    for (const route of operatorRoutes)
      for (const presented of ['', token, refreshToken, expired, 'op_nonsense'])
        expect(await ask(route, presented), route.name).toMatchObject({
          status: 401,
          body: { code: 'invalid_token' },
        });
  });

  test('reading asks for the area’s read scope, everything else for its write scope', () => {
    const scopes = operatorRoutes.map(({ name, scope }) => [name, scope]);
    expect(scopes).toEqual(operatorRoutes.map((route) => [route.name, scopeFor(route)]));
  });

  test('every route asks for its scope and lets nobody in with another', async () => {
    const tokens = new Map<string, string>();
    for (const scope of SCOPES)
      tokens.set(scope, await management.operator(`only-${tokens.size}`, [scope]));
    for (const route of operatorRoutes.filter(({ name }) => !name.includes('/sessions'))) {
      for (const [held, token] of tokens) {
        const { status, body } = await ask(route, token);
        const isAllowed = route.scope === undefined || covers([held], route.scope);
        expect(status === 403, `${held} for ${route.name}`).toBe(!isAllowed);
        if (!isAllowed) expect(body.code).toBe('forbidden');
      }
    }
  });

  test('a user’s token opens no management, an operator’s no account', async () => {
    const token = await management.operator('curious', ['*']);
    expect((await appliance.call('/v1/me', { token })).status).toBe(401);
    expect((await management.call('/admin/v1/operator', { token })).body).toEqual({
      name: 'curious',
      scopes: ['*'],
    });
  });

  test('the public listener knows none of these paths', async () => {
    for (const { path, method } of MANAGEMENT_ROUTES) {
      const answer = await appliance.call(path.replaceAll(/\{\w+\}/g, NOBODY), {
        method: method.toUpperCase(),
      });
      expect(answer.status, path).toBe(404);
    }
  });
});

describe('users', () => {
  test('create, show, find, change, delete', async () => {
    const created = await management.call('/admin/v1/users', {
      body: { email: 'Grace@example.com', email_verified: true, role: 'admin' },
    });
    expect(created).toMatchObject({
      status: 201,
      body: { user: { email: 'grace@example.com', role: 'admin', status: 'active' } },
    });
    const path = created.headers.get('location')!;
    const { generated_password: password } = created.body;
    const { token } = await signIn(appliance, { email: 'grace@example.com', password });

    const shown = await management.call(path);
    expect(shown.body).toMatchObject({ active_sessions: 1, password: 'hardened' });
    const found = await management.call('/admin/v1/users?email=GRACE@example.com&role=admin');
    expect(found.body).toEqual({ users: [shown.body], next_cursor: null });

    const etag = shown.headers.get('etag')!;
    const patch = (body: object, ifMatch: string) =>
      management.call(path, { method: 'PATCH', body, headers: { 'If-Match': ifMatch } });
    const changed = await patch({ status: 'locked' }, etag);
    expect(changed).toMatchObject({ status: 200, body: { status: 'locked', active_sessions: 0 } });
    expect(await isSignedIn(appliance, token)).toBe(false);
    expect((await patch({ status: 'active' }, etag)).status).toBe(412);
    expect((await patch({ status: 'active' }, '"nonsense"')).status).toBe(412);
    expect((await patch({}, `"nonsense", ${changed.headers.get('etag')}`)).status).toBe(200);
    expect((await patch({ status: 'active' }, changed.headers.get('etag')!)).status).toBe(200);

    const remove = (ifMatch: string) =>
      management.call(path, { method: 'DELETE', headers: { 'If-Match': ifMatch } });
    expect((await remove(etag)).status).toBe(412);
    expect((await remove('*')).status).toBe(204);
    expect((await management.call(path)).status).toBe(404);
  });

  test('password, second factor, sessions', async () => {
    const account = await createTwoFactorAccount(appliance);
    const path = `/admin/v1/users/${account.id}`;
    const listed = await management.call(`${path}/sessions`);
    expect(listed.body.sessions).toMatchObject([{ id: account.sessionId, ip: '127.0.0.1' }]);

    const set = await management.call(`${path}/password`, {
      method: 'PUT',
      body: { password: OTHER_PASSWORD },
    });
    expect(set.body).toEqual({ generated_password: null, sessions_ended: 1 });
    const weak = { method: 'PUT', body: { password: 'password1' } };
    expect((await management.call(`${path}/password`, weak)).body.code).toBe('password_too_weak');
    const reset = await management.call(`${path}/reset-two-factor`, { method: 'POST' });
    expect(reset).toMatchObject({ status: 200, body: { sessions_ended: 0 } });

    const again = await signIn(appliance, { email: account.email, password: OTHER_PASSWORD });
    const one = `${path}/sessions/${again.sessionId}`;
    expect((await management.call(one, { method: 'DELETE' })).status).toBe(204);
    expect((await management.call(one, { method: 'DELETE' })).status).toBe(404);
    expect(await isSignedIn(appliance, again.token)).toBe(false);
    const all = await management.call(`${path}/sessions`, { method: 'DELETE' });
    expect(all.body).toEqual({ sessions_ended: 0 });
  });

  test('ids of one user do nothing in the path of another', async () => {
    const [one, other] = [await createAccount(appliance), await createAccount(appliance)];
    const swapped = `/admin/v1/users/${one.id}/sessions/${other.sessionId}`;
    expect((await management.call(swapped, { method: 'DELETE' })).status).toBe(404);
    expect(await isSignedIn(appliance, other.token)).toBe(true);
    for (const id of [NOBODY, 'nonsense', `${one.id}%27`, one.id.toUpperCase()])
      for (const [method, suffix] of [
        ['GET', ''],
        ['DELETE', ''],
        ['GET', '/sessions'],
        ['DELETE', '/sessions'],
        ['POST', '/reset-two-factor'],
      ] as const) {
        const answer = await management.call(`/admin/v1/users/${id}${suffix}`, { method });
        expect(answer.status, `${method} ${id}${suffix}`).toBe(404);
      }
    expect(await isSignedIn(appliance, one.token)).toBe(true);
  });

  test.each([
    ['an unknown field', { email: 'h@example.com', status: 'active' }],
    ['an id of one’s own', { email: 'h@example.com', id: NOBODY }],
    ['a wrong type', { email: ['h@example.com'] }],
    ['a pattern as an operator', { email: { contains: '@' } }],
  ])('%s is refused', async (_, body) => {
    expect((await management.call('/admin/v1/users', { body })).status).toBe(422);
  });

  test.each([
    'limit=0',
    'limit=201',
    'limit=x',
    'cursor=x',
    'status=gone',
    'two_factor=maybe',
    'created_since=2026-13-41',
    'created_since=2026-02-30',
    'created_since=0000-01-01',
    'search=%00',
    'email_prefix=a%00b',
    'role=%00',
    'created_since=yesterday',
    'email=a&email=b',
    'email[contains]=a',
    'unknown=1',
  ])('the query %s is refused', async (query) => {
    const { status, body } = await management.call(`/admin/v1/users?${query}`);
    expect(status).toBe(422);
    expect(body.errors[0].pointer).toMatch(/^\/query\//);
  });

  test('nothing secret is in any answer', async () => {
    const account = await createTwoFactorAccount(appliance);
    const answers = [
      await management.call('/admin/v1/users?limit=200'),
      await management.call(`/admin/v1/users/${account.id}`),
      await management.call(`/admin/v1/users/${account.id}/sessions`),
      await management.call('/admin/v1/keys'),
      await management.call('/admin/v1/audit?limit=200'),
      await management.call('/admin/v1/status'),
    ];
    for (const { status } of answers) expect(status).toBe(200);
    const text = JSON.stringify(answers.map(({ body }) => body));
    const { secret, recoveryCodes, token, refreshToken } = account;
    for (const hidden of [secret, ...recoveryCodes, token, refreshToken, PASSWORD])
      expect(text).not.toContain(hidden);
    expect(text).not.toMatch(/\$argon2|k4\.(secret|public)|"(digest|sealed|salt|phc|token)/);
  });
});

test('domains: add, change, remove', async () => {
  const added = await management.call('/admin/v1/domains', { body: { name: 'new.example' } });
  expect(added).toMatchObject({ status: 201, body: { name: 'new.example', status: 'pending' } });
  expect(
    (await management.call('/admin/v1/domains', { body: { name: 'new.example' } })).status,
  ).toBe(409);
  const wrong = await management.call('/admin/v1/domains', { body: { name: 'bad domain' } });
  expect(wrong.body).toMatchObject({
    code: 'validation_failed',
    errors: [{ pointer: '/name', code: 'bad_format' }],
  });
  expect(JSON.stringify(wrong.body)).not.toContain('bad domain');
  const nowhere = await management.call('/admin/v1/domains/bad%20domain/verify', {
    method: 'POST',
  });
  expect(nowhere.body.code).toBe('not_found');
  const path = '/admin/v1/domains/new.example';
  const changed = await management.call(path, { method: 'PATCH', body: { verification: 'none' } });
  expect(changed.body).toMatchObject({ verification: 'none' });
  const { body } = await management.call('/admin/v1/domains');
  expect(body.domains.map(({ name }: { name: string }) => name)).toContain('new.example');
  expect((await management.call(path, { method: 'DELETE' })).status).toBe(204);
  expect((await management.call(path, { method: 'DELETE' })).status).toBe(404);
  const trusted = { name: 'trusted.example', trust: true };
  expect((await management.call('/admin/v1/domains', { body: trusted })).body.verified_by).toMatch(
    /^operator:root-/,
  );
});

test('keys: a rotation promotes the published key, and the old one can be retired', async () => {
  const { token } = await createAccount(appliance);
  const rotate = (body: object) => management.call('/admin/v1/keys/rotate', { body });
  const dry = await rotate({ kind: 'signing', dry_run: true });
  const { body: rotated } = await rotate({ kind: 'signing', grace: '1h' });
  expect(rotated).toMatchObject({ dry_run: false, active_kid: dry.body.active_kid });
  expect(await isSignedIn(appliance, token)).toBe(true);
  expect((await rotate({ kind: 'signing', grace: 'soon' })).status).toBe(422);
  expect((await rotate({ kind: 'master' })).status).toBe(422);

  const retire = (kid: string) => management.call(`/admin/v1/keys/${kid}/retire`, { body: {} });
  expect((await retire(rotated.active_kid)).body.code).toBe('conflict');
  expect((await retire('k4.pid.nonsense')).status).toBe(404);
  expect((await retire(rotated.previous_kid)).status).toBe(200);
});

test('the audit names the operator, page by page', async () => {
  const token = await management.operator('auditor', ['users:write', 'audit:read']);
  const account = await createAccount(appliance);
  for (const status of ['locked', 'active', 'disabled'])
    await management.call(`/admin/v1/users/${account.id}`, {
      method: 'PATCH',
      token,
      body: { status },
      headers: { 'X-Request-Id': 'ticket-17' },
    });
  const query = `/admin/v1/audit?user_id=${account.id}&action=user.*&limit=2`;
  const { body: first } = await management.call(query, { token });
  expect(first.records).toMatchObject([
    { action: 'user.disabled', actor_kind: 'operator', actor_id: 'auditor', ip: '127.0.0.1' },
    { action: 'user.activated', request_id: 'ticket-17' },
  ]);
  const { body: next } = await management.call(`${query}&cursor=${first.next_cursor}`, { token });
  expect(next.records[0].action).toBe('user.locked');
});

test('the OpenAPI document is valid and says which scope each route needs', async () => {
  const { body } = await management.call('/openapi.json', { token: '' });
  expect(await new Validator().validate(body)).toMatchObject({ valid: true });
  const { used, described } = tagsOf(body);
  expect(described).toEqual(used);
  for (const route of operatorRoutes)
    expect(body.paths[route.path][route.method].security).toEqual([
      { operator: route.scope ? [route.scope] : [] },
    ]);
  const names = operatorRoutes.map(({ operation }) => operation);
  expect(names.every((name) => name !== undefined) && new Set(names).size).toBe(names.length);
  const user = body.paths['/admin/v1/users/{id}'];
  for (const { responses } of [user.get, user.patch])
    expect(responses[200].headers).toHaveProperty('ETag');
  const created = body.paths['/admin/v1/users'].post.responses[201].headers;
  expect(Object.keys(created)).toEqual(expect.arrayContaining(['ETag', 'Location']));
  const asked = body.paths['/admin/v1/forward-auth'].get;
  expect(asked.operationId).toBe('forwardAuth');
  expect(Object.keys(asked.responses[200].headers)).toEqual(
    expect.arrayContaining(['X-User-Id', 'X-Session-Id', 'X-Role', 'X-Token-Id']),
  );
  expect(JSON.stringify(body.paths)).not.toContain('headers/RateLimit');
  for (const { path, method, hashing } of operatorRoutes) {
    const { description } = body.paths[path][method].responses[503];
    expect(description.includes('overloaded'), path).toBe(hashing === true);
  }
});

test('profiles: of this process, one at a time', async () => {
  const [cpu, other] = await Promise.all([
    management.call('/debug/profile?seconds=3'),
    management.call('/debug/heap?seconds=3'),
  ]);
  expect([cpu.status, other.status].sort()).toEqual([200, 409]);
  let isRecording = true;
  const recording = management.call('/debug/heap?seconds=1').finally(() => {
    isRecording = false;
  });
  // All the while, for it may begin late and sees only what is allocated then.
  while (isRecording) await management.call('/admin/v1/users?limit=200');
  const { status, body, headers } = await recording;
  expect(status).toBe(200);
  expect(headers.get('content-disposition')).toContain('.heapprofile');
  expect(body.head.children.length).toBeGreaterThan(0);
  const { body: profile } = await management.call('/debug/profile?seconds=1');
  expect(profile.nodes.length).toBeGreaterThan(0);
  expect((await management.call('/debug/profile?seconds=3600')).status).toBe(422);
});
