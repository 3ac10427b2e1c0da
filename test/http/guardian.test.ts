import { describe, expect, onTestFinished, test } from 'vitest';
import { createClientResolver } from '../../src/http/client.ts';
import { createGuardian, type GuardianOptions } from '../../src/http/guardian.ts';
import { healthRoute } from '../../src/http/health.ts';
import { PUBLIC_ROUTES } from '../../src/http/routes.ts';
import { startApp } from './support/http.ts';
import { echo, route, whoami } from './support/routes.ts';

const resolve = createClientResolver([]);
const clientAt = (ip: string) => resolve(ip, undefined);

const RATES = { ratePerSecond: 50, burst: 100, hashingRatePerSecond: 5, hashingBurst: 20 };

function start(options: Partial<GuardianOptions> = {}) {
  let nowMs = 1_000_000;
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs };
  const guardian = createGuardian({ ...RATES, clock, ...options });
  onTestFinished(() => guardian.close());
  /** How many of `count` requests pass. */
  const admitted = (ip: string, count: number, hashing = false) => {
    let passed = 0;
    for (let n = 0; n < count; n += 1)
      if (guardian.admit(clientAt(ip), hashing).admitted) passed += 1;
    return passed;
  };
  return { guardian, admitted, advance: (ms: number) => (nowMs += ms) };
}

describe('one client', () => {
  test('may send a burst, then its rate', () => {
    const { admitted, advance } = start();
    expect(admitted('203.0.113.9', 150)).toBe(100);
    advance(1_000);
    expect(admitted('203.0.113.9', 150)).toBe(50);
    advance(60_000);
    expect(admitted('203.0.113.9', 150)).toBe(100);
  });

  test('rates that are no round fraction of a second lose no token to rounding', () => {
    const { admitted, advance } = start({ ratePerSecond: 3, burst: 7 });
    expect(admitted('203.0.113.9', 20)).toBe(7);
    advance(1_000);
    expect(admitted('203.0.113.9', 20)).toBe(3);
  });

  test('may hash a password far less often, and other requests still pass then', () => {
    const { admitted, advance } = start();
    expect(admitted('203.0.113.9', 50, true)).toBe(20);
    expect(admitted('203.0.113.9', 50)).toBe(50);
    advance(1_000);
    expect(admitted('203.0.113.9', 50, true)).toBe(5);
  });

  test('is told what is left, and when to come back', () => {
    const { guardian, admitted } = start();
    const first = guardian.admit(clientAt('203.0.113.9'), false);
    expect(first).toMatchObject({ admitted: true, remaining: 99, policy: '"ip";q=100;w=2' });
    admitted('203.0.113.9', 99);
    const refused = guardian.admit(clientAt('203.0.113.9'), false);
    expect(refused).toMatchObject({ admitted: false, remaining: 0, resetSeconds: 1 });
  });

  test('does not use up the tokens of another', () => {
    const { admitted } = start();
    admitted('203.0.113.9', 200);
    expect(admitted('203.0.113.10', 100)).toBe(100);
  });
});

describe('IPv6', () => {
  test('a thousand addresses of one /64 are one client', () => {
    const { guardian } = start();
    let passed = 0;
    for (let n = 0; n < 1_000; n += 1)
      if (guardian.admit(clientAt(`2001:db8:1:1::${n.toString(16)}`), false).admitted) passed += 1;
    expect(passed).toBe(100);
  });

  test.each([
    ['', false, 400],
    [', hashing too', true, 80],
  ])('all the /64 of one /48 together have four times what one has%s', (_, isHashing, most) => {
    const { guardian } = start();
    let passed = 0;
    for (let n = 0; n < 2_000; n += 1)
      if (guardian.admit(clientAt(`2001:db8:1:${(n % 500).toString(16)}::1`), isHashing).admitted)
        passed += 1;
    expect(passed).toBe(most);
  });
});

describe('memory', () => {
  test('is bounded however many networks come, and quiet networks make room', () => {
    const { guardian, advance } = start({ maxNetworks: 1_000 });
    for (let n = 0; n < 20_000; n += 1) {
      guardian.admit(clientAt(`198.${n >> 16}.${(n >> 8) & 255}.${n & 255}`), false);
      expect(guardian.size()).toBeLessThanOrEqual(1_000);
      advance(1);
    }
  });

  test('a flood of networks never gives a busy one a fresh burst', () => {
    const { guardian, admitted } = start({ maxNetworks: 100, ratePerSecond: 1, burst: 10 });
    expect(admitted('203.0.113.9', 20)).toBe(10);
    for (let n = 0; n < 5_000; n += 1)
      guardian.admit(clientAt(`198.51.${n >> 8}.${n & 255}`), false);
    expect(admitted('203.0.113.9', 20)).toBe(0);
  });

  test('networks there is no room for share one bucket', () => {
    const { guardian } = start({ maxNetworks: 10, ratePerSecond: 1, burst: 10 });
    let passed = 0;
    for (let n = 0; n < 500; n += 1)
      if (guardian.admit(clientAt(`198.51.${n >> 8}.${n & 255}`), false).admitted) passed += 1;
    expect(passed).toBe(20);
  });

  test('the sweep forgets nobody who may not hash a password again yet', () => {
    const { guardian, admitted, advance } = start();
    expect(admitted('203.0.113.9', 20, true)).toBe(20);
    advance(1_000);
    guardian.sweep();
    expect(admitted('203.0.113.9', 20, true)).toBe(5);
  });

  test('the sweep forgets full buckets and no other', () => {
    const { guardian, admitted, advance } = start();
    admitted('203.0.113.9', 100);
    admitted('203.0.113.10', 1);
    advance(100);
    guardian.sweep();
    expect(guardian.size()).toBe(1);
    expect(admitted('203.0.113.9', 100)).toBe(5);
  });
});

describe('over HTTP', () => {
  const hashing = route({
    method: 'post',
    path: '/v1/hash',
    summary: 'Hashes',
    tags: ['test'],
    auth: 'none',
    hashing: true,
    responses: { 204: null },
    handler: () => ({ status: 204 }),
  });

  test('limited answers say where the client stands, and 429 says when to come back', async () => {
    const { guardian } = start({ burst: 3, hashingBurst: 1 });
    const app = await startApp([whoami, hashing, echo], { guardian });

    const first = await app.ask({ path: '/v1/whoami' });
    expect(first.headers['ratelimit-policy']).toBe('"ip";q=3;w=1');
    expect(first.headers['ratelimit']).toBe('"ip";r=2;t=1');

    const hash = { method: 'POST', path: '/v1/hash' };
    expect((await app.ask(hash)).headers['ratelimit']).toBe('"ip-hashing";r=0;t=1');
    const refused = await app.ask(hash);
    expect(refused.json).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.headers['ratelimit']).toBe('"ip-hashing";r=0;t=1');
  });

  test('forwarded headers, unknown paths and malformed bodies do not get around it', async () => {
    const { guardian } = start({ burst: 10 });
    const app = await startApp([whoami, echo], { guardian });
    const asks = Array.from({ length: 60 }, (_, n) => ({
      path: ['/v1/whoami', '/v1/nothing', '/v1/echo'][n % 3] ?? '',
      headers: {
        'x-forwarded-for': `198.51.100.${n}`,
        forwarded: `for=198.51.100.${n}`,
        'x-real-ip': `198.51.100.${n}`,
      },
    }));
    const answers = await Promise.all(asks.map((ask) => app.ask(ask)));
    expect(answers.filter(({ status }) => status !== 429)).toHaveLength(10);
  });

  test('a trusted proxy hands on the client it saw', async () => {
    const { guardian } = start({ burst: 1 });
    const app = await startApp([whoami], { guardian, trustedProxies: ['127.0.0.1'] });
    const from = (ip: string) =>
      app.ask({ path: '/v1/whoami', headers: { 'x-forwarded-for': `9.9.9.9, ${ip}` } });
    expect((await from('203.0.113.9')).json.ip).toBe('203.0.113.9');
    expect((await from('203.0.113.9')).status).toBe(429);
    expect((await from('203.0.113.10')).status).toBe(200);
  });

  test('health checks are not counted', async () => {
    const { guardian } = start({ burst: 1 });
    const app = await startApp([healthRoute('/health', {})], { guardian });
    for (let n = 0; n < 5; n += 1) {
      const answer = await app.ask({ path: '/health' });
      expect(answer.status).toBe(200);
      expect(answer.headers['ratelimit']).toBeUndefined();
    }
  });
});

test('every route that takes a password counts as one that hashes; registering may hash later', () => {
  const takesPassword = PUBLIC_ROUTES.filter(({ body }) =>
    Object.keys(body?.properties ?? {}).some((field) => field.includes('password')),
  );
  expect(takesPassword.length).toBeGreaterThan(5);
  const others = takesPassword.filter(({ hashing }) => hashing !== true);
  expect(others.map(({ name }) => name)).toEqual(['POST /v1/register']);
});
