import { expect, test } from 'vitest';
import { retryDelayMs } from '../../../src/services/mail/back-off.ts';

const MINUTE = 60_000;

test('six tries fall into the life of a code, the last after five minutes of greylisting', () => {
  for (const random of [0, 0.5, 0.999]) {
    let at = 0;
    const times = [1, 2, 3, 4, 5].map((tries) => (at += retryDelayMs(tries, random)));
    expect(times.at(-1)).toBeGreaterThan(5 * MINUTE);
    expect(times.at(-1)).toBeLessThan(8 * MINUTE);
  }
});

test('jitter only ever adds, a fifth at most', () => {
  for (let tries = 1; tries <= 50; tries += 1) {
    const shortest = retryDelayMs(tries, 0);
    expect(retryDelayMs(tries, 0.999)).toBeGreaterThan(shortest);
    expect(retryDelayMs(tries, 0.999)).toBeLessThanOrEqual(shortest * 1.2);
    expect(retryDelayMs(tries + 1, 0)).toBeGreaterThanOrEqual(shortest);
  }
});
