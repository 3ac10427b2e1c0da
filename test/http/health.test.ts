import { expect, test } from 'vitest';
import { healthRoute } from '../../src/http/health.ts';
import { startApp } from './support/http.ts';

test('health is 200 when all works, and 503 naming what does not, without the reason', async () => {
  let isUp = true;
  const checks = {
    keys: () => undefined,
    database: async () => {
      if (!isUp) throw new Error('connect ECONNREFUSED db.internal:5432');
    },
  };
  const app = await startApp([healthRoute('/health', checks)]);
  const up = await app.ask({ path: '/health' });
  expect(up.status).toBe(200);
  expect(up.json).toEqual({ status: 'ok', checks: { keys: 'ok', database: 'ok' } });

  isUp = false;
  const down = await app.ask({ path: '/health' });
  expect(down.status).toBe(503);
  expect(down.json).toEqual({
    status: 'unavailable',
    checks: { keys: 'ok', database: 'failing' },
  });
  expect(down.headers['retry-after']).toBe('1');

  isUp = true;
  expect((await app.ask({ path: '/health' })).status).toBe(200);
});
