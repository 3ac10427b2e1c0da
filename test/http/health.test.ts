import { expect, test } from 'vitest';
import { healthRoute } from '../../src/http/health.ts';
import { startApp, until } from './support/http.ts';

test('health is 200 when all works, and 503 naming what does not, without the reason', async () => {
  const answers = () => Promise.resolve();
  const refuses = () => Promise.reject(new Error('connect ECONNREFUSED db.internal:5432'));
  let askDatabase = answers;
  const checks = { keys: () => undefined, database: () => askDatabase() };
  const app = await startApp([healthRoute('/health', checks)]);
  const up = await app.ask({ path: '/health' });
  expect(up.status).toBe(200);
  expect(up.json).toEqual({ status: 'ok', checks: { keys: 'ok', database: 'ok' } });

  askDatabase = refuses;
  const down = await app.ask({ path: '/health' });
  expect(down.status).toBe(503);
  expect(down.json).toEqual({
    status: 'unavailable',
    checks: { keys: 'ok', database: 'failing' },
  });
  expect(down.headers['retry-after']).toBe('1');

  askDatabase = answers;
  expect((await app.ask({ path: '/health' })).status).toBe(200);
});

test('whatever a probe adds to the address, the answer is the same', async () => {
  const app = await startApp([healthRoute('/health', {})]);
  for (const query of ['?verbose', '?_=1700000000', '?a=1&a=2&%00=%ff'])
    expect((await app.ask({ path: `/health${query}` })).status).toBe(200);
});

test('however many ask at once, the parts are looked at once: a flood does not take the database', async () => {
  let looks = 0;
  let finish: () => void = () => undefined;
  const database = () => {
    looks += 1;
    return new Promise<void>((resolve) => {
      finish = resolve;
    });
  };
  const app = await startApp([healthRoute('/health', { database })]);
  const asked = Array.from({ length: 50 }, () => app.ask({ path: '/health' }));
  await until(() => app.inFlight() === 50);
  finish();
  for (const { status } of await Promise.all(asked)) expect(status).toBe(200);
  expect(looks).toBe(1);

  const again = app.ask({ path: '/health' });
  await until(() => looks === 2);
  finish();
  expect((await again).status).toBe(200);
});
