import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { createWorkshop, type WorkshopOptions } from './workshop.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance();
});
afterAll(() => appliance.stop());

const USER = '01890000-0000-7000-8000-000000000001';
/** Long enough that no hash ends while a burst arrives. */
const SLOW = { memoryKib: 32_768, passes: 2, parallelism: 1, length: 32 };

/** How a burst of registrations fares: how many are final, pending, refused. */
async function burst(count: number, options: WorkshopOptions) {
  const { creator, forge } = createWorkshop(appliance.core, { params: SLOW, ...options });
  const outcomes = await Promise.allSettled(
    Array.from({ length: count }, () => creator.forRegistration(USER, 'a long password')),
  );
  const made = outcomes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const codes = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
  expect(codes.every((code) => code === 'overloaded')).toBe(true);
  return {
    final: made.filter(({ phc }) => phc).length,
    pending: made.filter(({ pending }) => pending).length,
    refused: codes.length,
    hashes: forge.stats().completed,
  };
}

test('adaptive: a burst takes the free slots and defers the rest; nobody queues or is refused', async () => {
  expect(await burst(50, { mode: 'adaptive', slots: 2 })).toEqual({
    final: 2,
    pending: 48,
    refused: 0,
    hashes: 2,
  });
});

test('adaptive: beyond the backlog the rest is refused, and nothing is hashed cheaper', async () => {
  expect(await burst(50, { mode: 'adaptive', slots: 2, room: 10 })).toEqual({
    final: 2,
    pending: 10,
    refused: 38,
    hashes: 2,
  });
});

test('deferred: up to the backlog, without any hash', async () => {
  expect(await burst(50, { mode: 'deferred', room: 10 })).toEqual({
    final: 0,
    pending: 10,
    refused: 40,
    hashes: 0,
  });
});

test('sync: a second of work may queue, the rest is refused; nothing is ever deferred', async () => {
  const { final, pending, refused, hashes } = await burst(60, { mode: 'sync', slots: 2 });
  expect(pending).toBe(0);
  expect(final + refused).toBe(60);
  expect(hashes).toBe(final);
  expect(refused).toBeGreaterThan(0);
});

test('what is stored has a salt of its own each time, and never the password', async () => {
  const { creator } = createWorkshop(appliance.core, { mode: 'adaptive' });
  const password = 'canary password';
  const made = await Promise.all(Array.from({ length: 20 }, () => creator.final(USER, password)));
  const pending = await createWorkshop(appliance.core).creator.forRegistration(USER, password);
  expect(new Set([...made, pending].map(({ salt }) => salt.toString('hex'))).size).toBe(21);
  expect(new Set(made.map(({ phc }) => phc)).size).toBe(20);
  expect(JSON.stringify([made, pending])).not.toContain('canary');
  expect(pending.pending!.includes('canary')).toBe(false);
});
