import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBacklog } from '../../../src/services/credential/backlog.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { lockTableWhole } from '../../support/lock.ts';
import { createWorkshop } from './workshop.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_HASH_BACKLOG_MAX_AGE: '1s',
      AUTHCTL_WORKER_NICE: '0',
    },
  });
});
afterAll(() => appliance.stop());

test('the bound is rate × age; 200 at once get no more, and parked rows do not count', async () => {
  const { clock } = appliance;
  const { db } = appliance.core;
  const workshop = createWorkshop(appliance.core);
  const parked = await workshop.addPending(5);
  await appliance.sql('UPDATE credentials SET parked_at = now() WHERE user_id = ANY($1)', [parked]);
  await workshop.addPending(30);

  const backlog = createBacklog({ db, clock, ratePerSecond: () => 50, maxAgeMs: 2_000 });
  const admitted = await Promise.all(Array.from({ length: 200 }, () => backlog.admit()));
  expect(admitted.filter(Boolean)).toHaveLength(70);
  expect(await backlog.admit()).toBe(false);

  // What was admitted here was never written: the next count says so.
  clock.advance(1_001);
  expect(await backlog.admit()).toBe(true);
  await appliance.sql('DELETE FROM users');
});

test('nobody waits for the next count while there is room, and nobody is refused before it', async () => {
  const { clock } = appliance;
  const { db, store } = appliance.core;
  const backlog = createBacklog({ db, clock, ratePerSecond: () => 3, maxAgeMs: 1_000 });
  expect(await backlog.admit()).toBe(true);
  clock.advance(1_001);
  const lock = await lockTableWhole(store.connectionString, 'credentials');
  try {
    expect(await backlog.admit()).toBe(true);
    expect(await backlog.admit()).toBe(true);
    // Now it is full as far as is known: whether it is, only the count can say.
    const waiting = Promise.all([backlog.admit(), backlog.admit()]);
    await lock.release();
    expect(await waiting).toEqual([true, false]);
  } finally {
    await lock.release();
  }
});

test('over HTTP: beyond the bound 503 at once, and the cost of what is accepted stays', async () => {
  const bound = Math.floor(appliance.api.forge.ratePerSecond());
  const answers = await Promise.all(
    Array.from({ length: bound + 40 }, (_, index) =>
      appliance.call('/v1/register', {
        body: { email: `burst${index}@open.example`, password: 'correct horse battery staple' },
      }),
    ),
  );
  const refused = answers.filter(({ status }) => status === 503);
  expect(refused.length).toBeGreaterThan(0);
  for (const { body, headers } of refused) {
    expect(body.code).toBe('overloaded');
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  }
  const accepted = answers.filter(({ status }) => status === 201).length;
  expect(accepted).toBeGreaterThan(0);
  expect(accepted + refused.length).toBe(answers.length);
  expect((await appliance.core.status()).pending_hashes).toBe(accepted);

  await appliance.startWorker();
  await eventually(
    'drained',
    async () => (await appliance.core.status()).pending_hashes === 0,
    25_000,
  );
  const costs = await appliance.sql<{ cost: string }>(
    `SELECT DISTINCT split_part(phc, '$', 4) AS cost FROM credentials`,
  );
  expect(costs).toEqual([{ cost: 'm=19456,t=2,p=1' }]);

  appliance.clock.advance(1_001);
  const later = await appliance.call('/v1/register', {
    body: { email: 'later@open.example', password: 'correct horse battery staple' },
  });
  expect(later.status).toBe(201);
});
