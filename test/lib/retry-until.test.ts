import { expect, test } from 'vitest';
import { type RetryOptions, retryUntil } from '../../src/lib/retry-until.ts';
import { createManualClock } from '../support/manual-clock.ts';

const DEADLINE_MS = 60_000;

/** Something that fails so many times, each after so long. */
function start(failures: number, eachMs: number, options: Partial<RetryOptions> = {}) {
  const clock = createManualClock();
  const tried = { times: 0 };
  async function work(): Promise<string> {
    tried.times += 1;
    clock.advance(eachMs);
    if (tried.times <= failures) throw new Error(`away ${tried.times}`);
    return 'there';
  }
  return { tried, trying: retryUntil(work, { deadlineMs: DEADLINE_MS, clock, ...options }) };
}

test('what works at last is the answer, and each failure before it is told', async () => {
  const told: unknown[] = [];
  const onRetry = (error: unknown) => void told.push((error as Error).message);
  const { trying } = start(2, 1, { onRetry });
  expect(await trying).toBe('there');
  expect(told).toEqual(['away 1', 'away 2']);
});

test('no try comes after the deadline: the last failure is thrown', async () => {
  const { tried, trying } = start(9, DEADLINE_MS / 2);
  await expect(trying).rejects.toThrow('away 2');
  expect(tried.times).toBe(2);
});

test('an error that no other try mends is thrown at once', async () => {
  const { tried, trying } = start(9, 1, { isPassing: () => false });
  await expect(trying).rejects.toThrow('away 1');
  expect(tried.times).toBe(1);
});

test('asked to stop, it makes one more try and no further', async () => {
  const stop = new AbortController();
  const { tried, trying } = start(9, 1, { signal: stop.signal, onRetry: () => stop.abort() });
  await expect(trying).rejects.toThrow('away 2');
  expect(tried.times).toBe(2);
});
