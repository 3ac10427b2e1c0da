import { expect, test } from 'vitest';
import { mailDelayMs } from '../../../src/services/mail/back-off.ts';

const MINUTE = 60_000;

test('six tries fall into the life of a code, the last after five minutes of greylisting', () => {
  for (const jitter of [1, 1.1, 1.2]) {
    let at = 0;
    const times = [1, 2, 3, 4, 5].map((tries) => (at += mailDelayMs(tries) * jitter));
    expect(times.at(-1)).toBeGreaterThan(5 * MINUTE);
    expect(times.at(-1)).toBeLessThan(8 * MINUTE);
  }
});

test('no wait is shorter than the one before', () => {
  for (let tries = 1; tries <= 50; tries += 1)
    expect(mailDelayMs(tries + 1)).toBeGreaterThanOrEqual(mailDelayMs(tries));
});
