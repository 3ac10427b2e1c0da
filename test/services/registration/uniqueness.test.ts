import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { lockTable } from '../../support/lock.ts';

let appliance: TestAppliance;
let second: TestAppliance;

beforeAll(async () => {
  const env = { AUTHCTL_HASH_MODE: 'deferred', AUTHCTL_USERNAMES: 'unique' };
  appliance = await startAppliance({ env });
  second = await startAppliance({ env, beside: appliance });
});
afterAll(async () => {
  await second.stop();
  await appliance.stop();
});

const password = 'correct horse battery staple';

function register(body: Record<string, unknown>, on = appliance): Promise<Answer> {
  return on.call('/v1/register', { body: { password, ...body } });
}

async function countUsers(where: string, value: string): Promise<number> {
  const text = `SELECT count(*)::int AS users FROM users WHERE ${where}`;
  return (await appliance.sql<{ users: number }>(text, [value]))[0]!.users;
}

const tally = (answers: Answer[]) =>
  Object.fromEntries(
    [...Map.groupBy(answers, (one) => `${one.status} ${one.body.code ?? one.body.status}`)].map(
      ([what, all]) => [what, all.length],
    ),
  );

test('200 spellings of one address on two nodes at once make one account', async () => {
  const letters = [...'grace.hopper'];
  const spellings = Array.from({ length: 200 }, (_, index) => {
    const local = letters.map((letter, at) =>
      (index >> (at % 8)) & 1 ? letter.toUpperCase() : letter,
    );
    const blanks = [' ', '\t', ''][index % 3];
    return `${blanks}${local.join('')}@${index % 2 ? 'Open.Example' : 'open.example'}${blanks}`;
  });
  const answers = await Promise.all(
    spellings.map((email, index) => register({ email }, index % 2 ? second : appliance)),
  );
  expect(tally(answers)).toEqual({ '201 registered': 1, '409 email_taken': 199 });
  expect(await countUsers('email = $1', 'grace.hopper@open.example')).toBe(1);
  expect(await countUsers('lower(email) LIKE $1', '%grace%')).toBe(1);
});

test('look-alikes of other letters are refused, never folded onto an account', async () => {
  expect((await register({ email: 'kim.fisher@open.example' })).status).toBe(201);
  for (const email of [
    '\u212Aim.fisher@open.example',
    'k\u0131m.fisher@open.example',
    'kim.\uFB01sher@open.example',
    'kim.fi\u017Fher@open.example',
    'kim.fisher@open\uFF0Eexample',
    '\uFF4Bim.fisher@open.example',
  ]) {
    expect(await register({ email })).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', errors: [{ pointer: '/email' }] },
    });
    expect((await appliance.call('/v1/login', { body: { email, password } })).status).toBe(401);
  }
});

test('percent, underscore and backslash are only themselves', async () => {
  expect((await register({ email: 'axb@open.example' })).status).toBe(201);
  expect((await register({ email: 'a_b@open.example', password: 'another password' })).status).toBe(
    201,
  );
  for (const email of ['a_b@open.example', 'a%@open.example', '%@open.example'])
    expect((await appliance.call('/v1/login', { body: { email, password } })).status).toBe(401);
});

test('in one batch, 99 new addresses, a taken and an invalid one each get their own answer', async () => {
  expect((await register({ email: 'taken@open.example' })).status).toBe(201);
  const lock = await lockTable(appliance.core.store.connectionString, 'users');
  const early = [register({ email: 'early1@open.example' })];
  await eventually('both writers are held up', () => {
    if (early.length < 2 && inFlight() === 1)
      early.push(register({ email: 'early2@open.example' }));
    return inFlight() === 2;
  });
  const fresh = Array.from({ length: 99 }, (_, index) =>
    register({ email: `new${index}@open.example` }),
  );
  const taken = register({ email: 'TAKEN@open.example' });
  const invalid = register({ email: 'not an address' });
  await eventually('all wait', () => appliance.api.services.batchStats().waiting === 100);
  await lock.release();

  expect(tally(await Promise.all([...early, ...fresh]))).toEqual({ '201 registered': 101 });
  expect(await taken).toMatchObject({ status: 409, body: { code: 'email_taken' } });
  expect(await invalid).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
  expect(await countUsers('email LIKE $1', 'new%@open.example')).toBe(99);
});

const inFlight = () => appliance.api.services.batchStats().inFlight;

test('a taken username is named, and never tells whether the address is taken too', async () => {
  expect((await register({ email: 'first@open.example', username: 'Nick.Name' })).status).toBe(201);
  const both = { email: 'first@open.example', username: 'nick.NAME' };
  const one = { email: 'unknown@open.example', username: 'nick.NAME' };
  const [takenBoth, takenOne] = [await register(both), await register(one)];
  expect(takenBoth).toMatchObject({ status: 409, body: { code: 'username_taken' } });
  expect({ ...takenOne.body, instance: '' }).toEqual({ ...takenBoth.body, instance: '' });
  expect(await countUsers('email = $1', 'unknown@open.example')).toBe(0);
});

test('50 registrations of one username with 50 addresses make one account', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      register(
        { email: `same${index}@open.example`, username: index % 2 ? 'SameName' : 'samename' },
        index % 2 ? second : appliance,
      ),
    ),
  );
  expect(tally(answers)).toEqual({ '201 registered': 1, '409 username_taken': 49 });
});
