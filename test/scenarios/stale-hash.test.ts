import { afterAll, beforeAll, expect, test } from 'vitest';
import { authorizeReset, logIn, newAddress, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_MODE: 'deferred' } });
});
afterAll(() => appliance.stop());

test('a worker that comes late to an old password never brings it back', async () => {
  const email = newAddress('open.example');
  await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  // Pending, and in the hands of a worker that stands still.
  const [claimed] = await appliance.sql<{ user_id: string; version: number }>(
    `UPDATE credentials AS c SET lease_until = now() + interval '1 minute' FROM users AS u
     WHERE u.id = c.user_id AND u.email = $1 AND c.pending IS NOT NULL
     RETURNING c.user_id, c.version`,
    [email],
  );
  const passwords = [
    PASSWORD,
    'eighty quiet mills by the river',
    'ninety quiet mills by the river',
  ];
  for (const password of passwords.slice(1)) {
    const body = { flow_token: await authorizeReset(appliance, email), password };
    expect((await appliance.call('/v1/password/reset', { body })).status).toBe(200);
  }

  // Its late write, as the worker does it: by the version that it claimed.
  const late = await appliance.sql(
    `UPDATE credentials SET phc = 'late', pending = NULL
     WHERE user_id = $1 AND version = $2 AND pending IS NOT NULL RETURNING 1`,
    [claimed!.user_id, claimed!.version],
  );
  expect(late).toEqual([]);
  await appliance.startWorker();
  await eventually('nothing waits for a hash', async () => {
    const rows = await appliance.sql('SELECT 1 FROM credentials WHERE pending IS NOT NULL');
    return rows.length === 0;
  });
  const statuses = [];
  for (const password of passwords)
    statuses.push((await logIn(appliance, { email, password })).status);
  expect(statuses).toEqual([401, 401, 200]);
});

test('who is locked out by a row that was given up gets in by a reset, and the row is well again', async () => {
  const email = newAddress('open.example');
  await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  await appliance.sql(
    `UPDATE credentials AS c SET pending = decode(repeat('ab', 32), 'hex'), attempts = 5,
       parked_at = now(), parked_reason = 'spoilt by the test'
     FROM users AS u WHERE u.id = c.user_id AND u.email = $1`,
    [email],
  );
  expect((await logIn(appliance, { email })).status).toBe(401);
  expect(await appliance.core.status()).toMatchObject({ parked_hashes: 1 });
  const password = 'a hundred quiet mills by the river';
  const body = { flow_token: await authorizeReset(appliance, email), password };
  expect((await appliance.call('/v1/password/reset', { body })).status).toBe(200);
  expect((await logIn(appliance, { email, password })).status).toBe(200);
  expect(await appliance.core.status()).toMatchObject({ parked_hashes: 0, pending_hashes: 0 });
});
