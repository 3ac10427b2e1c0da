import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  authorizeReset,
  createAccount,
  logIn,
  newAddress,
  OTHER_PASSWORD,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_SLOTS: '1', AUTHCTL_HASH_QUEUE: '1' } });
});
afterAll(() => appliance.stop());

/** Keeps the only slot and its queue full until told to stop. */
function flood(): { stop(): Promise<unknown> } {
  let isOver = false;
  const clients = Array.from({ length: 8 }, async () => {
    while (!isOver) await logIn(appliance, { email: newAddress() });
  });
  return {
    stop() {
      isOver = true;
      return Promise.all(clients);
    },
  };
}

/** Resets with one try left, while the slot is taken: what it is answered before it gets through. */
async function resetUnderLoad(): Promise<number[]> {
  const { email } = await createAccount(appliance);
  const flow_token = await authorizeReset(appliance, email);
  const reset = (password: string) =>
    appliance.call('/v1/password/reset', { body: { flow_token, password } });
  // A password that is too short is refused before any hashing: four tries are gone.
  for (let index = 0; index < 4; index += 1) expect((await reset('short')).status).toBe(422);

  const busy = flood();
  const statuses: number[] = [];
  while (statuses.length < 8 && !statuses.includes(200))
    statuses.push((await reset(OTHER_PASSWORD)).status);
  await busy.stop();
  if (!statuses.includes(200)) statuses.push((await reset(OTHER_PASSWORD)).status);
  return statuses;
}

test('a reset that is answered 503 costs no try', async () => {
  let refusals = 0;
  // The slot goes to whoever comes first, and that may be the reset.
  for (let round = 0; round < 10 && refusals === 0; round += 1) {
    const statuses = await resetUnderLoad();
    expect(statuses.pop()).toBe(200);
    for (const status of statuses) expect(status).toBe(503);
    refusals += statuses.length;
  }
  expect(refusals).toBeGreaterThan(0);
});
