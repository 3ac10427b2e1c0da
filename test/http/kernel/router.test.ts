import { describe, expect, test } from 'vitest';
import { startApp } from '../support/http.ts';
import { echo, item, removeItem, whoami } from '../support/routes.ts';

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
