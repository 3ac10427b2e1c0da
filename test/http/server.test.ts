import { Writable } from 'node:stream';
import { pino } from 'pino';
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { toAppError } from '../../src/db/errors.ts';
import { AppError } from '../../src/errors.ts';
import { post, sendRaw, startApp } from './support/http.ts';
import { echo, failing, item, logout, removeItem, route, whoami } from './support/routes.ts';

const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('finding a route', () => {
  test.each([
    '/',
    '/v1',
    '/v1/Echo',
    '/v1/echo/',
    '//v1/echo',
    '/v1/items/7/',
    '/v1/items/',
    '/v1/%65cho',
    '/constructor',
    '/__proto__',
    '/metrics',
    '/.git/config',
  ])('%s is not found', async (path) => {
    const app = await startApp([echo, item]);
    const answer = await app.ask({ path });
    expect(answer.json).toMatchObject({ status: 404, code: 'not_found' });
  });

  test('a parameter is handed on, and one that names nothing is not found', async () => {
    const app = await startApp([item]);
    expect((await app.ask({ path: '/v1/items/42' })).json.id).toBe('42');
    for (const id of ['x', '1x', '%00', '%', '%E0%A4%A', '1%2F2', '1'.repeat(10)])
      expect((await app.ask({ path: `/v1/items/${id}` })).status).toBe(404);
  });

  test('a query is read as its schema says, and anything else in it is refused', async () => {
    const app = await startApp([item, whoami]);
    const good = await app.ask({ path: '/v1/items/1?limit=5&deep=true&name=a%20b' });
    expect(good.json.query).toEqual({ limit: 5, deep: true, name: 'a b' });
    for (const query of ['limit=x', 'limit=0', 'limit=1&limit=2', 'limit[]=1', 'deep=1', 'other=1'])
      expect((await app.ask({ path: `/v1/items/1?${query}` })).status).toBe(422);
    const bad = await app.ask({ path: '/v1/items/1?limit=0' });
    expect(bad.json.errors).toMatchObject([{ pointer: '/query/limit', code: 'too_small' }]);
    expect((await app.ask({ path: '/v1/whoami?x=1' })).status).toBe(422);
  });

  test.each([
    ['GET', '/v1/echo', 'POST, OPTIONS'],
    ['PUT', '/v1/echo', 'POST, OPTIONS'],
    ['HEAD', '/v1/echo', 'POST, OPTIONS'],
    ['TRACE', '/v1/echo', 'POST, OPTIONS'],
    ['PROPFIND', '/v1/whoami', 'GET, HEAD, OPTIONS'],
    ['PATCH', '/v1/items/1', 'HEAD, GET, DELETE, OPTIONS'],
  ])('%s %s is answered 405 with what is allowed', async (method, path, allow) => {
    const app = await startApp([echo, whoami, item, removeItem]);
    const answer = await app.ask({ method, path });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
    if (method !== 'HEAD') expect(answer.json.code).toBe('method_not_allowed');
  });

  test('HEAD answers as GET does, without the body', async () => {
    const app = await startApp([whoami, item]);
    for (const path of ['/v1/whoami', '/v1/items/1']) {
      const got = await app.ask({ path });
      const head = await app.ask({ method: 'HEAD', path });
      expect(head.status).toBe(200);
      expect(head.text).toBe('');
      expect(head.headers['content-length']).toBe(got.headers['content-length']);
    }
  });

  test('OPTIONS says what a path takes', async () => {
    const app = await startApp([whoami]);
    const answer = await app.ask({ method: 'OPTIONS', path: '/v1/whoami' });
    expect(answer.status).toBe(204);
    expect(answer.headers.allow).toBe('GET, HEAD, OPTIONS');
    expect((await app.ask({ method: 'OPTIONS', path: '/v1/x' })).status).toBe(404);
  });

  test('a method and path cannot be declared twice', async () => {
    await expect(startApp([echo, echo])).rejects.toThrow('POST /v1/echo is declared twice');
  });
});

describe('headers of every answer', () => {
  const everyKind = [
    { path: '/v1/whoami' },
    { path: '/v1/nothing' },
    { method: 'PUT', path: '/v1/echo' },
    { method: 'OPTIONS', path: '/v1/echo' },
    { method: 'POST', path: '/v1/logout' },
    post('/v1/echo', '{'),
    { path: '/v1/fails' },
  ];

  test.each(everyKind.map((ask) => [`${ask.method ?? 'GET'} ${ask.path}`, ask]))(
    '%s: an id, no caching, no sniffing, no banner',
    async (_name, ask) => {
      const fails = failing('/v1/fails', () => {
        throw new Error('boom');
      });
      const app = await startApp([echo, whoami, logout, fails]);
      const { headers } = await app.ask(ask);
      expect(headers['x-request-id']).toMatch(REQUEST_ID);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['x-powered-by']).toBeUndefined();
      expect(headers['server']).toBeUndefined();
      expect(headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  test.each(['a', 'trace.1_2-3', 'x'.repeat(64)])('the id %s is taken over', async (id) => {
    const app = await startApp([whoami]);
    const answer = await app.ask({ path: '/v1/nothing', headers: { 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toBe(id);
    expect(answer.json.instance).toBe(id);
  });

  test.each(['', 'x'.repeat(65), 'a b', 'a,b', 'a"b', '<script>', 'a/b', 'é'])(
    'the id "%s" is replaced',
    async (id) => {
      const app = await startApp([whoami]);
      const answer = await app.ask({ path: '/v1/whoami', headers: { 'x-request-id': id } });
      expect(answer.headers['x-request-id']).toMatch(REQUEST_ID);
    },
  );

  test('two ids in one request are replaced, and a line break cannot add a header', async () => {
    const app = await startApp([whoami]);
    const two = await app.ask({ path: '/v1/whoami', headers: { 'x-request-id': ['a', 'b'] } });
    expect(two.headers['x-request-id']).toMatch(REQUEST_ID);
    const raw = await sendRaw(
      app.port,
      'GET /v1/whoami HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\rSet-Cookie: x=1\r\nConnection: close\r\n\r\n',
    );
    expect(raw).not.toMatch(/set-cookie/i);
  });
});

describe('errors', () => {
  test('a problem has every member, and its own media type', async () => {
    const app = await startApp([echo]);
    const answer = await app.ask(post('/v1/echo', { email: 'a@b' }));
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.json).toEqual({
      type: 'urn:authctl:error:validation_failed',
      title: 'Validation failed',
      status: 422,
      detail: 'Some fields are not valid.',
      instance: answer.headers['x-request-id'],
      code: 'validation_failed',
      errors: [{ pointer: '/password', code: 'required', detail: 'Is required.' }],
    });
  });

  test('what nobody foresaw is a fixed sentence outside, and one line inside', async () => {
    const lines: string[] = [];
    const sink = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const fails = failing('/v1/fails', () => {
      const error = new Error('select * from users where /srv/authctl');
      throw Object.assign(error, { code: '42P01', detail: 'Key (email)=(ada@example.com)' });
    });
    const app = await startApp([fails], { log: pino({ level: 'info' }, sink), toAppError });
    const answer = await app.ask({ path: '/v1/fails' });
    expect(answer.json).toMatchObject({ status: 500, code: 'internal' });
    expect(answer.text).not.toMatch(/select|srv|42P01|ada@|at /);

    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ request_id: answer.json.instance, route: 'GET /v1/fails' });
    expect(line.fault).toMatchObject({ type: 'Error', code: '42P01' });
    expect(lines[0]).not.toContain('ada@example.com');
  });

  test.each([
    ['a lost database', Object.assign(new Error('x'), { code: '57P01' }), 503, 'unavailable'],
    ['a foreseen refusal', new AppError('email_taken'), 409, 'email_taken'],
    ['a setting', new AppError('config_invalid', { text: 'secret' }), 500, 'internal'],
    ['a schema', new AppError('schema_mismatch', { text: 'secret' }), 503, 'unavailable'],
    ['a string', 'boom', 500, 'internal'],
    ['nothing', undefined, 500, 'internal'],
  ])('%s is answered by its code', async (_name, thrown, status, code) => {
    const fails = failing('/v1/fails', () => {
      throw thrown;
    });
    const app = await startApp([fails], { toAppError });
    const answer = await app.ask({ path: '/v1/fails' });
    expect(answer.json).toMatchObject({ status, code });
    expect(answer.text).not.toContain('secret');
    if (status === 503) expect(answer.headers['retry-after']).toBe('1');
  });

  test('Retry-After is what the error says, in whole seconds', async () => {
    const fails = failing('/v1/fails', () => {
      throw new AppError('overloaded', { retryAfterSeconds: 2.2 });
    });
    const app = await startApp([fails]);
    expect((await app.ask({ path: '/v1/fails' })).headers['retry-after']).toBe('3');
  });

  test('an answer that is not the declared one is a fault where answers are checked', async () => {
    const User = Type.Object({ id: Type.String() }, { additionalProperties: false });
    const leaking = route({
      method: 'get',
      path: '/v1/leak',
      summary: 'Leaks',
      tags: ['test'],
      auth: 'none',
      responses: { 200: User },
      handler: () => {
        const row = { id: 'x', password_hash: 'y' };
        return { status: 200, body: row };
      },
    });
    expect((await (await startApp([leaking])).ask({ path: '/v1/leak' })).status).toBe(500);
  });
});

describe('who asks', () => {
  const facts = {
    method: 'get',
    summary: 'Private',
    tags: ['test'],
    responses: { 204: null },
  } as const;
  const bearer = route({
    ...facts,
    path: '/v1/private',
    auth: 'bearer',
    handler: () => ({ status: 204 }),
  });
  const operator = route({
    ...facts,
    path: '/admin/v1/x',
    auth: 'operator',
    scope: 'users',
    handler: () => ({ status: 204 }),
  });
  const authenticate = {
    bearer: async (token: string) => {
      if (token !== 'good') throw new AppError('invalid_token');
      return token;
    },
    operator: async (token: string, scope: string | undefined) => {
      if (token !== `op_${scope}`) throw new AppError('forbidden');
      return token;
    },
  };

  test.each([
    ['Bearer good', 204],
    ['bearer good', 204],
    ['Bearer bad', 401],
    ['Bearer  good', 401],
    ['Bearer good good', 401],
    ['Bearer', 401],
    ['Bearer ', 401],
    ['Basic good', 401],
    ['good', 401],
    ['', 401],
    [`Bearer ${'x'.repeat(5_000)}`, 401],
  ])('Authorization: %.40s is answered %i', async (authorization, status) => {
    const app = await startApp([bearer], { authenticate });
    const answer = await app.ask({ path: '/v1/private', headers: { authorization } });
    expect(answer.status).toBe(status);
    if (status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  test('an operator route asks for its scope', async () => {
    const app = await startApp([operator], { authenticate });
    const as = (token: string) =>
      app.ask({ path: '/admin/v1/x', headers: { authorization: `Bearer ${token}` } });
    expect((await as('op_users')).status).toBe(204);
    expect((await as('op_audit')).status).toBe(403);
  });
});

describe('Idempotency-Key', () => {
  const keyed = route({
    method: 'post',
    path: '/v1/keyed',
    summary: 'Keyed',
    tags: ['test'],
    auth: 'none',
    idempotent: true,
    responses: { 204: null },
    handler: ({ idempotencyKey }) => ({
      status: 204,
      headers: { 'x-key': idempotencyKey ?? 'none' },
    }),
  });

  test.each(['a', 'x'.repeat(255), '!~'])('%.20s is taken', async (key) => {
    const app = await startApp([keyed]);
    const headers = { 'idempotency-key': key };
    const answer = await app.ask({ method: 'POST', path: '/v1/keyed', headers });
    expect(answer.headers['x-key']).toBe(key);
  });

  test.each(['', 'x'.repeat(256), 'a b', 'é'])('"%.20s" is refused', async (key) => {
    const app = await startApp([keyed]);
    const headers = { 'idempotency-key': key };
    const answer = await app.ask({ method: 'POST', path: '/v1/keyed', headers });
    expect(answer.status).toBe(422);
    expect(answer.json.errors).toMatchObject([{ pointer: '/header/idempotency-key' }]);
  });

  test('none is none', async () => {
    const app = await startApp([keyed]);
    expect((await app.ask({ method: 'POST', path: '/v1/keyed' })).headers['x-key']).toBe('none');
  });
});

describe('CORS', () => {
  const ORIGIN = 'https://app.example.com';
  const preflight = {
    method: 'OPTIONS',
    path: '/v1/echo',
    headers: { origin: ORIGIN, 'access-control-request-method': 'POST' },
  };

  test('a listed origin may preflight, and read answers and errors alike', async () => {
    const app = await startApp([echo], { corsOrigins: [ORIGIN] });
    const allowed = await app.ask(preflight);
    expect(allowed.status).toBe(204);
    expect(allowed.headers['access-control-allow-origin']).toBe(ORIGIN);
    expect(allowed.headers['access-control-allow-headers']).toContain('Authorization');
    for (const ask of [
      post('/v1/echo', '{', { origin: ORIGIN }),
      { path: '/v1/x', headers: { origin: ORIGIN } },
    ]) {
      const { headers } = await app.ask(ask);
      expect(headers['access-control-allow-origin']).toBe(ORIGIN);
      expect(headers['access-control-expose-headers']).toContain('Retry-After');
      expect(headers['access-control-allow-credentials']).toBeUndefined();
      expect(headers.vary).toBe('Origin');
    }
  });

  test.each(['https://evil.example', `${ORIGIN}.evil.example`, 'null', ''])(
    'the origin "%s" is told nothing',
    async (origin) => {
      const app = await startApp([echo], { corsOrigins: [ORIGIN] });
      const answer = await app.ask({ path: '/v1/x', headers: { origin } });
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  test('an empty list adds no header', async () => {
    const app = await startApp([echo]);
    const answer = await app.ask(preflight);
    expect(answer.status).toBe(204);
    expect(Object.keys(answer.headers).join()).not.toContain('access-control');
  });
});
