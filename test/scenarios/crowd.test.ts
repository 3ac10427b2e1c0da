import { afterAll, beforeAll, expect, test } from 'vitest';
import { logIn, newAddress } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';

let appliance: TestAppliance;

// Hashes that take a good while: the slot and its queue of one stay full for several requests.
beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_HASH_SLOTS: '1',
      AUTHCTL_HASH_QUEUE: '1',
      AUTHCTL_HASH_MEMORY_KIB: '262144',
      AUTHCTL_HASH_PASSES: '4',
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_LOGIN_TRIES: '2',
      AUTHCTL_IP_RATE: '1000',
      AUTHCTL_IP_BURST: '1000',
    },
  });
});
afterAll(() => appliance.stop());

const attempt = () => logIn(appliance, { email: newAddress() });

async function countCounters(): Promise<number> {
  return (await appliance.sql('SELECT 1 FROM limit_counters')).length;
}

test('a sign-in that finds every slot taken is refused at once, and touches no counter', async () => {
  const crowd = [attempt(), attempt()];
  await eventually('the queue is full', async () => {
    const answer = attempt();
    const first = await Promise.race([answer.then(({ status }) => status), pause()]);
    if (first !== 503) crowd.push(answer);
    return first === 503;
  });
  // Places are given out before anything is counted: those who have them must have got there.
  await eventually('slot and queue are taken', () => {
    const { busy, queued } = appliance.api.forge.stats();
    return busy === 1 && queued === 1;
  });
  const before = await countCounters();

  const statuses = (await Promise.all(Array.from({ length: 10 }, attempt))).map(
    (answer) => answer.status,
  );
  const late = await countCounters();
  // One whose turn came after all counts its address, once for the network and once for everywhere.
  const served = statuses.filter((status) => status === 401).length;
  expect(statuses).toContain(503);
  expect(late - before).toBe(2 * served);
  for (const { status } of await Promise.all(crowd)) expect([401, 503]).toContain(status);
});

test('a sign-in that is refused before its hash gives its place back', async () => {
  const email = newAddress();
  const guess = () => logIn(appliance, { email });
  const answers = [];
  for (let guesses = 0; guesses < 6; guesses += 1) answers.push((await guess()).status);
  expect(answers).toEqual([401, 401, 429, 429, 429, 429]);
  expect((await attempt()).status).toBe(401);
});

function pause(): Promise<'waits'> {
  return new Promise((resolve) => setTimeout(() => resolve('waits'), 300));
}
