import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createManualClock } from '../../support/manual-clock.ts';
import { startApp } from '../support/http.ts';
import { failing, logout, route } from '../support/routes.ts';

const PATH = { method: 'POST', path: '/v1/logout' };

const health = route({
  method: 'get',
  path: '/health/live',
  summary: 'Asked every few seconds',
  tags: ['test'],
  auth: 'none',
  responses: { 204: null },
  handler: () => ({ status: 204 }),
});

async function startLogged(logEvery: number) {
  const lines: { level: string; route: string; status: number; request_id: string }[] = [];
  const log = pino(
    { level: 'info', formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => lines.push(JSON.parse(line)) },
  );
  const clock = createManualClock();
  const fault = failing('/v1/fault', () => {
    throw new Error('a fault of ours');
  });
  const app = await startApp([logout, health, fault], { log, clock, logEvery });
  return { app, clock, lines };
}

test('while it is quiet every answer is logged with the id that it carries', async () => {
  const { app, clock, lines } = await startLogged(100);
  const ids: unknown[] = [];
  for (let asked = 0; asked < 25; asked += 1) {
    const answer = await app.ask(asked % 2 ? PATH : { path: '/v1/nothing' });
    ids.push(answer.headers['x-request-id']);
    clock.advance(200);
  }
  expect(lines.map((line) => line.request_id)).toEqual(ids);
  expect(new Set(lines.map((line) => line.status))).toEqual(new Set([204, 404]));
});

test('beyond ten answers a second one in so many is logged, and the next second begins anew', async () => {
  const { app, clock, lines } = await startLogged(100);
  for (let asked = 0; asked < 210; asked += 1) await app.ask(PATH);
  expect(lines).toHaveLength(10 + 2);
  clock.advance(1_000);
  await app.ask(PATH);
  expect(lines).toHaveLength(13);
});

test('what is polled takes no line from the others, and a fault has one however busy it is', async () => {
  const { app, lines } = await startLogged(1_000);
  for (let asked = 0; asked < 20; asked += 1) await app.ask({ path: '/health/live' });
  expect(lines).toEqual([]);
  for (let asked = 0; asked < 20; asked += 1) await app.ask(PATH);
  for (let asked = 0; asked < 5; asked += 1) await app.ask({ path: '/v1/fault' });
  expect(lines.filter((line) => line.level === 'info')).toHaveLength(10);
  expect(lines.filter((line) => line.level === 'error')).toHaveLength(5);
});
