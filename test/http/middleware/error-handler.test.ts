import { expect, test } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { createGuardian } from '../../../src/http/guardian.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { startApp } from '../support/http.ts';
import { failing } from '../support/routes.ts';

test('a 429 names the budget that is used up, not the one that is not', async () => {
  const guardian = createGuardian({
    ratePerSecond: 50,
    burst: 100,
    hashingRatePerSecond: 5,
    hashingBurst: 20,
    clock: systemClock,
  });
  const limited = failing('/v1/limited', () => {
    throw new AppError('rate_limited', {
      retryAfterSeconds: 290,
      budget: { name: 'login', limit: 5, windowSeconds: 300 },
    });
  });
  const app = await startApp([limited], { guardian });
  const answer = await app.ask({ path: '/v1/limited' });
  guardian.close();
  expect(answer.status).toBe(429);
  expect(answer.headers).toMatchObject({
    'retry-after': '290',
    'ratelimit-policy': '"login";q=5;w=300',
    ratelimit: '"login";r=0;t=290',
  });
});
