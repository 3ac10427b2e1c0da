import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import type { Result } from '../../../src/http/kernel/route.ts';
import { createTimeBuckets } from '../../../src/http/kernel/time-buckets.ts';
import { Type } from '../../../src/http/kernel/typebox.ts';
import { PUBLIC_ROUTES } from '../../../src/http/routes.ts';
import { startApp } from '../support/http.ts';
import { route } from '../support/routes.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const answersIn = (ms: number, status: number) => (): Promise<Result> =>
  new Promise((resolve) => setTimeout(() => resolve({ status }), ms));
const failsIn = (ms: number, error: Error) => (): Promise<Result> =>
  new Promise((_, reject) => setTimeout(() => reject(error), ms));

/** Milliseconds until each answer of a route whose 202 and 401 are held back. */
async function timesOf(...works: (() => Promise<Result>)[]) {
  const inTimeBucket = createTimeBuckets(() => performance.now());
  const bucketed = [202, 401];
  const startedMs = performance.now();
  const all = works.map((work) =>
    inTimeBucket({ bucketed }, work).then(
      () => performance.now() - startedMs,
      () => performance.now() - startedMs,
    ),
  );
  await vi.advanceTimersByTimeAsync(1_000);
  return Promise.all(all);
}

const timeOf = async (work: () => Promise<Result>) => (await timesOf(work))[0];

describe('an answer that is held back', () => {
  test.each([
    [0, 0],
    [1, 50],
    [12, 50],
    [49, 50],
    [50, 50],
    [51, 100],
    [130, 150],
  ])('work of %i ms is answered after %i ms', async (took, expected) => {
    expect(await timeOf(answersIn(took, 202))).toBe(expected);
  });

  test('so is an error of a status that is named', async () => {
    expect(await timeOf(failsIn(12, new AppError('invalid_credentials')))).toBe(50);
  });

  const crowd = (size: number) => Array.from({ length: size }, () => answersIn(10, 202));

  test('in a crowd, too', async () => {
    const times = await timesOf(...crowd(31), answersIn(20, 202));
    expect(new Set(times)).toEqual(new Set([50]));
  });

  test('in a rush the next lets the oldest go, and is held back itself', async () => {
    const times = await timesOf(...crowd(32), answersIn(20, 202), answersIn(30, 401));
    expect(times).toEqual([20, 30, ...Array(30).fill(50), 50, 50]);
  });

  test('again after the crowd has left', async () => {
    expect((await timesOf(...crowd(40), answersIn(60, 202))).at(-1)).toBe(100);
  });

  test('another status, another error and another route are not', async () => {
    expect(await timeOf(answersIn(12, 200))).toBe(12);
    expect(await timeOf(failsIn(12, new AppError('overloaded')))).toBe(12);
    expect(await timeOf(failsIn(12, new Error('boom')))).toBe(12);

    const inTimeBucket = createTimeBuckets(() => performance.now());
    const startedMs = performance.now();
    const answer = inTimeBucket({}, answersIn(12, 202)).then(() => performance.now() - startedMs);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await answer).toBe(12);
  });

  test('the result and the error are those of the work', async () => {
    const inTimeBucket = createTimeBuckets(() => performance.now());
    const error = new AppError('invalid_code');
    const both = Promise.allSettled([
      inTimeBucket({ bucketed: [202] }, () => ({ status: 202, body: 'same' })),
      inTimeBucket({ bucketed: [401] }, failsIn(1, error)),
    ]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await both).toEqual([
      { status: 'fulfilled', value: { status: 202, body: 'same' } },
      { status: 'rejected', reason: error },
    ]);
  });
});

test('over HTTP the answer that is held back comes after one that was asked for later', async () => {
  vi.useRealTimers();
  const held = route({
    method: 'post',
    path: '/v1/held',
    summary: 'Held',
    tags: ['test'],
    auth: 'none',
    bucketed: [202],
    responses: { 200: Type.Object({}), 202: Type.Object({}) },
    handler: ({ headers }) => ({ status: headers['x-held'] ? 202 : 200, body: {} }),
  });
  const app = await startApp([held]);
  const order: number[] = [];
  const ask = async (headers: Record<string, string>) =>
    order.push((await app.ask({ method: 'POST', path: '/v1/held', headers })).status);
  const first = ask({ 'x-held': 'yes' });
  await ask({});
  await first;
  expect(order).toEqual([200, 202]);
});

test('every answer that reads the same for an address or a flow of anybody is held back', () => {
  const declared = PUBLIC_ROUTES.flatMap(({ name, bucketed }) =>
    bucketed ? [[name, bucketed]] : [],
  );
  expect(Object.fromEntries(declared)).toEqual({
    'POST /v1/register': [202],
    'POST /v1/verify': [401],
    'POST /v1/verify/resend': [200],
    'POST /v1/login': [401],
    'POST /v1/password/forgot': [202],
    'POST /v1/password/forgot/verify': [401],
    'POST /v1/me/email': [202],
  });
});
