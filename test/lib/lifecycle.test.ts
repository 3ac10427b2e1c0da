import { expect, onTestFinished, test, vi } from 'vitest';
import { createScope } from '../../src/lib/lifecycle.ts';

test('what was opened last is released first, one after the other, and once', async () => {
  const scope = createScope();
  const released: string[] = [];
  for (const name of ['database', 'requests', 'listener'])
    scope.own(name, name, async () => {
      await Promise.resolve();
      released.push(name);
    });
  await Promise.all([scope.release(), scope.release(1_000)]);
  expect(released).toEqual(['listener', 'requests', 'database']);
});

test('a release that fails stops no other; the first failure is told', async () => {
  const scope = createScope();
  const released: string[] = [];
  scope.defer('first', () => {
    released.push('first');
  });
  scope.defer('second', () => Promise.reject(new Error('second failed')));
  scope.defer('third', () => {
    throw new Error('third failed');
  });
  await expect(scope.release()).rejects.toThrow('third failed');
  expect(released).toEqual(['first']);
});

test('one that takes too long is named', async () => {
  const scope = createScope();
  scope.defer('database', () => undefined);
  scope.defer('requests in flight', () => new Promise(() => undefined));
  scope.defer('listener', () => undefined);
  await expect(scope.release(50)).rejects.toMatchObject({
    code: 'internal',
    exitCode: 1,
    message: 'The stop was cut short after 0.05 s, while it waited for: requests in flight.',
    hint: expect.stringContaining('AUTHCTL_SHUTDOWN_DEADLINE'),
  });
});

test('each release is told what is left of the time', async () => {
  const scope = createScope();
  const left: number[] = [];
  for (const name of ['second', 'first'])
    scope.own(name, name, async (_, leftMs) => {
      left.push(leftMs);
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
  await scope.release(10_000);
  const [first, second] = left as [number, number];
  expect(first).toBeLessThanOrEqual(10_000);
  expect(second).toBeLessThan(first - 10);
});

test('the time of a release counts from when it was asked for, which may be before anything was opened', async () => {
  for (const early of [true, false]) {
    const stop = new AbortController();
    if (early) stop.abort();
    const scope = createScope(undefined, stop.signal);
    stop.abort();
    await new Promise((resolve) => setTimeout(resolve, 30));
    let left = 0;
    scope.defer('listener', (leftMs) => {
      left = leftMs;
    });
    await scope.release(10_000);
    expect(left).toBeGreaterThan(5_000);
    expect(left).toBeLessThan(9_980);
  }
});

test('a scope that was open for long has all of its time for the release', async () => {
  const time = vi.spyOn(performance, 'now');
  onTestFinished(() => time.mockRestore());
  time.mockReturnValue(0);
  const scope = createScope();
  let left = 0;
  scope.defer('listener', (leftMs) => {
    left = leftMs;
  });
  time.mockReturnValue(86_400_000);
  await scope.release(10_000);
  expect(left).toBe(10_000);
});

test('what is owned hears of the end before its release, and before the release of what was opened later', async () => {
  const stop = new AbortController();
  const asked = createScope(undefined, stop.signal);
  expect(asked.ending.aborted).toBe(false);
  stop.abort();
  expect(asked.ending.aborted).toBe(true);

  const scope = createScope();
  let heard = false;
  scope.ending.addEventListener('abort', () => {
    heard = true;
  });
  scope.defer('listener', () => expect(heard).toBe(true));
  await scope.release();
});
