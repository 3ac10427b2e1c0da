import { describe, expect, test } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { startApp } from '../support/http.ts';
import { route } from '../support/routes.ts';

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
    ['Bearer good', undefined],
    ['bearer good', undefined],
    ['Bearer   good', undefined],
    ['Bearer bad', 'Bearer error="invalid_token"'],
    ['Bearer\tgood', 'Bearer'],
    ['Bearer good good', 'Bearer error="invalid_token"'],
    ['Bearer', 'Bearer'],
    ['Bearer ', 'Bearer'],
    ['Basic good', 'Bearer'],
    ['good', 'Bearer'],
    ['', 'Bearer'],
    [`Bearer ${'x'.repeat(5_000)}`, 'Bearer error="invalid_token"'],
  ])('Authorization: %.40s', async (authorization, challenge) => {
    const app = await startApp([bearer], { authenticate });
    const answer = await app.ask({ path: '/v1/private', headers: { authorization } });
    expect(answer.status).toBe(challenge === undefined ? 204 : 401);
    expect(answer.headers['www-authenticate']).toBe(challenge);
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
