import { afterAll, beforeAll, expect, test } from 'vitest';
import { SYSTEM_ACTOR } from '../../../src/services/audit/actor.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';

let appliance: TestAppliance;
let operator: TestAppliance;

beforeAll(async () => {
  const env = { AUTHCTL_HASH_MODE: 'deferred' };
  appliance = await startAppliance({ env });
  operator = await startAppliance({ env, beside: appliance });
});
afterAll(async () => {
  await operator.stop();
  await appliance.stop();
});

const register = (email: string) =>
  appliance.call('/v1/register', { body: { email, password: 'correct horse battery staple' } });

test('only addresses of a verified domain may register, and not of what is under or beside it', async () => {
  await operator.core.domains.add(SYSTEM_ACTOR, { name: 'pending.example' });
  appliance.clock.advance(1_000);
  for (const domain of [
    'unknown.example',
    'pending.example',
    'sub.open.example',
    'notopen.example',
  ])
    expect(await register(`ada@${domain}`)).toMatchObject({
      status: 403,
      body: { code: 'domain_not_allowed' },
    });
});

test('what an operator changes elsewhere holds on this node a second later', async () => {
  const { domains } = operator.core;
  const change = async (work: Promise<unknown>, name: string) => {
    await work;
    appliance.clock.advance(1_000);
    return (await register(`${name}@late.example`)).status;
  };
  expect(await change(Promise.resolve(), 'one')).toBe(403);
  expect(
    await change(domains.add(SYSTEM_ACTOR, { name: 'late.example', trust: true }), 'two'),
  ).toBe(202);
  const set = (verification: 'none' | 'email_code') =>
    domains.set(SYSTEM_ACTOR, 'late.example', verification);
  expect(await change(set('none'), 'three')).toBe(201);
  expect(await change(set('email_code'), 'four')).toBe(202);
  expect(await change(domains.remove(SYSTEM_ACTOR, 'late.example'), 'five')).toBe(403);
});
