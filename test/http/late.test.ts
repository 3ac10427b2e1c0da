import { expect, test } from 'vitest';
import { healthRoute } from '../../src/http/health.ts';
import { routeFor } from '../../src/http/kernel/route.ts';
import { Type } from '../../src/http/kernel/typebox.ts';
import { post, startApp } from './support/http.ts';

test('a process that cannot keep up refuses all but health, before anything is done', async () => {
  let isLate = true;
  let served = 0;
  const route = routeFor();
  const work = route({
    method: 'post',
    path: '/v1/work',
    summary: 'Does something',
    tags: ['test'],
    auth: 'none',
    body: Type.Object({}, { $id: 'Work', additionalProperties: false, examples: [{}] }),
    responses: { 204: null },
    handler: async () => {
      served += 1;
      return { status: 204 };
    },
  });
  const app = await startApp([work, healthRoute('/health', {})], { isLate: () => isLate });
  for (let asked = 0; asked < 50; asked += 1) {
    const refused = await app.ask(post('/v1/work', {}));
    expect(refused).toMatchObject({ status: 503, json: { code: 'overloaded' } });
    const seconds = Number(refused.headers['retry-after']);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(5);
  }
  expect(served).toBe(0);
  expect((await app.ask({ path: '/health' })).status).toBe(200);
  isLate = false;
  expect((await app.ask(post('/v1/work', {}))).status).toBe(204);
});
