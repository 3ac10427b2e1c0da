import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Answer, startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { type Lock, lockTable } from '../../support/lock.ts';

let appliance: TestAppliance;
let lock: Lock;

beforeEach(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_REGISTRATION_BATCH_SIZE: '1',
      AUTHCTL_REGISTRATION_QUEUE: '5',
      AUTHCTL_REGISTRATION_MAX_WAIT: '1500ms',
    },
  });
  lock = await lockTable(appliance.core.store.connectionString, 'users');
});
afterEach(async () => {
  await lock.release();
  await appliance.stop();
});

const register = (email: string) =>
  appliance.call('/v1/register', { body: { email, password: 'correct horse battery staple' } });

const overloaded = { status: 503, body: { code: 'overloaded' } };
const waiting = () => appliance.api.services.batchStats().waiting;

test('a full intake refuses at once, and those already in it are answered', async () => {
  const answers: Promise<Answer>[] = [];
  for (let index = 0; waiting() < 5; index += 1) {
    answers.push(register(`in${index}@open.example`));
    await eventually('it writes or waits', () => countTaken() === index + 1);
  }
  const refused = await register('late@open.example');
  expect(refused).toMatchObject(overloaded);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);

  await lock.release();
  for (const answer of await Promise.all(answers)) expect(answer.status).toBe(201);
  expect((await register('late@open.example')).status).toBe(201);
});

test('who has waited too long is refused while the database still hangs, and creates nothing', async () => {
  const writing = [register('w0@open.example'), register('w1@open.example')];
  await eventually('both writers hang', () => appliance.api.services.batchStats().inFlight === 2);
  expect(await register('patient@open.example')).toMatchObject(overloaded);
  await lock.release();
  for (const answer of await Promise.all(writing)) expect(answer.status).toBe(201);
  expect(await appliance.sql('SELECT email FROM users ORDER BY email')).toEqual([
    { email: 'w0@open.example' },
    { email: 'w1@open.example' },
  ]);
});

test('a stop answers what was accepted', async () => {
  const answers = Array.from({ length: 4 }, (_, index) => register(`stop${index}@open.example`));
  await eventually('all are in', () => countTaken() === 4);
  const stopped = appliance.api.listener.close(10_000);
  await lock.release();
  for (const answer of await Promise.all(answers)) expect(answer.status).toBe(201);
  await stopped;
});

function countTaken(): number {
  const { waiting, inFlight } = appliance.api.services.batchStats();
  return waiting + inFlight;
}
