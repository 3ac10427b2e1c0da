import { describe, expect, test } from 'vitest';
import { post, startApp } from '../support/http.ts';
import { echo } from '../support/routes.ts';

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
