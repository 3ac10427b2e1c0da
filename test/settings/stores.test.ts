import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newAddress } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { type RedisServer, redisBinary, startRedis, whyNoRedis } from '../support/redis.ts';
import { tally } from '../support/tally.ts';

/** How many keys a server holds. */
async function keysIn({ url }: RedisServer): Promise<number> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname, () => socket.end('DBSIZE\r\n'));
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk;
  return Number(/^:(\d+)/.exec(answer)?.[1]);
}

describe.skipIf(!redisBinary)(`with a Redis server (else: ${whyNoRedis})`, () => {
  let redis: RedisServer;
  let appliance: TestAppliance;

  beforeAll(async () => {
    redis = await startRedis();
    appliance = await startAppliance({
      env: {
        AUTHCTL_LIMITS: 'on',
        AUTHCTL_LOGIN_TRIES: '3',
        AUTHCTL_VALKEY_URL: redis.url,
        AUTHCTL_VALKEY_TIMEOUT: '5s',
      },
    });
  });
  afterAll(async () => {
    await appliance.stop();
    await redis.stop();
  });

  const guess = (email: string) =>
    appliance.call('/v1/login', { body: { email, password: 'not my password at all' } });

  test('valkey.url: counters live there, and nowhere else', async () => {
    const email = newAddress();
    const answers = [];
    for (let count = 0; count < 4; count += 1) answers.push(await guess(email));
    expect(tally(answers)).toEqual({ invalid_credentials: 3, rate_limited: 1 });
    expect(await appliance.sql('SELECT FROM limit_counters')).toEqual([]);
    // One of the address from this network, one of it from anywhere.
    expect(await keysIn(redis)).toBe(2);
  });

  test('valkey.timeout: a server that stands still for a while is waited for', async () => {
    const email = newAddress();
    for (let count = 0; count < 2; count += 1) await guess(email);
    redis.pause();
    const late = guess(email);
    await pause(500);
    redis.resume();
    expect((await late).body.code).toBe('invalid_credentials');
    // Otherwise that one was counted locally, where it was the first.
    expect((await guess(email)).body.code).toBe('rate_limited');
  });
});
