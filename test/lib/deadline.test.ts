import { stat } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withDeadline } from '../../src/lib/deadline.ts';

test('what settles in time is handed on, an answer or a failure', async () => {
  const late = () => 'too late';
  await expect(withDeadline(Promise.resolve(7), 1_000, late)).resolves.toBe(7);
  await expect(withDeadline(Promise.reject(new Error('no')), 1_000, late)).rejects.toThrow('no');
});

test('what does not is given up for the reason of that moment', async () => {
  const never = new Promise(() => undefined);
  let reason = 'the first step';
  const given = withDeadline(never, 20, () => reason);
  reason = 'the second step';
  await expect(given).rejects.toThrow('the second step');
  const error = new TypeError('of its own kind');
  await expect(withDeadline(never, 1, () => error)).rejects.toBe(error);
});

test('an answer that is there counts, however late this process comes to read it', async () => {
  // From here the event loop comes to its timers before it reads what has arrived.
  await setImmediate();
  const answer = withDeadline(stat(import.meta.filename), 5, () => 'too late');
  const until = performance.now() + 50;
  while (performance.now() < until);
  expect((await answer).isFile()).toBe(true);
});
