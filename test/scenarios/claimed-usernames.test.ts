import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAccount, newAddress, OTHER_PASSWORD, PASSWORD } from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { codeFor } from '../support/mailbox.ts';

/** Unique usernames beside addresses that a mailed code proves. */
let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_USERNAMES: 'unique',
      AUTHCTL_REGISTRATION_IDENTIFIER: 'either',
      AUTHCTL_EVENTS_STDOUT: 'on',
    },
  });
});
afterAll(() => appliance.stop());

const register = (email: string, username: string, password = PASSWORD) =>
  appliance.call('/v1/register', { body: { email, username, password } });

async function verify(email: string, { body }: Answer): Promise<Answer> {
  const code = await codeFor(appliance, email, 'verify_email');
  return appliance.call('/v1/verify', { body: { flow_token: body.flow_token, code } });
}

/** An answer without what is drawn for it. */
function shapeOf({ status, body }: Answer) {
  return { status, fields: Object.keys(body), state: body.status, code: body.code };
}

test('whether an address has an account is not told by what happens to its username', async () => {
  const taken = newAddress();
  await verify(taken, await register(taken, 'owner-of-it'));
  const seen: unknown[] = [];
  for (const [email, name] of [
    [taken, 'wanted-one'],
    [newAddress(), 'wanted-two'],
  ] as const) {
    const answers = [
      await register(email, name),
      await register(email, name),
      await register(email, name, OTHER_PASSWORD),
      await register(newAddress(), name),
      await appliance.call('/v1/login', { body: { username: name, password: PASSWORD } }),
      await register(email, 'owner-of-it'),
    ];
    seen.push(answers.map(shapeOf));
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).toMatchObject([
    { status: 202 },
    { status: 202 },
    { status: 202 },
    { status: 202 },
    { code: 'invalid_credentials' },
    { code: 'username_taken' },
  ]);
});

test('a username is theirs who prove their mailbox first; the others have none', async () => {
  const people = Array.from({ length: 8 }, () => newAddress());
  const begun = await Promise.all(people.map((email) => register(email, 'Contested')));
  expect(new Set(begun.map(({ status }) => status))).toEqual(new Set([202]));
  const proved = await Promise.all(people.map((email, index) => verify(email, begun[index]!)));
  expect(new Set(proved.map(({ status }) => status))).toEqual(new Set([200]));
  const names = proved.map(({ body }) => body.user.username);
  expect(names.filter((name) => name === 'Contested')).toHaveLength(1);
  expect(names.filter((name) => name === null)).toHaveLength(7);

  const winner = people[names.indexOf('Contested')];
  const login = await appliance.call('/v1/login', {
    body: { username: 'contested', password: PASSWORD },
  });
  expect(login.body.user.email).toBe(winner);
  const loser = proved.find(({ body }) => body.user.username === null)!;
  const rename = (username: string) =>
    appliance.call('/v1/me', {
      method: 'PATCH',
      token: loser.body.tokens.access_token,
      body: { username },
    });
  expect((await rename('contested')).body.code).toBe('username_taken');
  expect((await rename('content')).body.username).toBe('content');
});

test('a name is one account’s, however many ways to it are taken at once', async () => {
  const waiting = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const email = newAddress();
      const { body } = await register(email, 'Crowded');
      const code = await codeFor(appliance, email, 'verify_email');
      return { flow_token: body.flow_token, code };
    }),
  );
  const tokens = await Promise.all(
    Array.from({ length: 4 }, async () => (await createAccount(appliance)).token),
  );
  const answers = await Promise.all([
    ...waiting.map((body) => appliance.call('/v1/verify', { body })),
    ...tokens.map((token) =>
      appliance.call('/v1/me', { method: 'PATCH', token, body: { username: 'crowded' } }),
    ),
    ...Array.from({ length: 4 }, () => register(newAddress('open.example'), 'CROWDED')),
  ]);
  const outcomes = answers.map(({ status, body }) => body.code ?? status);
  expect(outcomes.slice(0, 4)).toEqual([200, 200, 200, 200]);
  for (const outcome of outcomes.slice(4)) expect([200, 201, 'username_taken']).toContain(outcome);
  const named = await appliance.sql(
    `SELECT username_key FROM users WHERE username ILIKE 'crowded'`,
  );
  expect(named).toEqual([{ username_key: 'crowded' }]);
});

test('whoever loses a name is announced without it', async () => {
  const [first, second] = [newAddress(), newAddress()];
  const begun = [await register(first, 'Announced'), await register(second, 'Announced')] as const;
  await verify(first, begun[0]);
  const { body } = await verify(second, begun[1]);
  expect(body.user.username).toBe(null);
  const events = await appliance.sql(
    `SELECT type, payload FROM events WHERE user_id = $1 AND type LIKE 'user.%' ORDER BY sequence`,
    [body.user.id],
  );
  expect(events).toMatchObject([
    { type: 'user.registered', payload: { username: 'Announced' } },
    { type: 'user.updated', payload: { fields: ['username'] } },
    { type: 'user.verified' },
  ]);
});

test('where the domain asks for no proof any more, the first sign-in makes the name its owner’s', async () => {
  const people = [newAddress('lenient.example'), newAddress('lenient.example')];
  await appliance.sql(
    `INSERT INTO domains (name, status, verification, challenge) VALUES ('lenient.example', 'verified', 'email_code', 'x')`,
  );
  await appliance.sql('UPDATE instance SET revision = revision + 1');
  appliance.clock.advance(1_000);
  for (const email of people) expect((await register(email, 'Lenient')).status).toBe(202);
  await appliance.sql(`UPDATE domains SET verification = 'none' WHERE name = 'lenient.example'`);
  await appliance.sql('UPDATE instance SET revision = revision + 1');
  appliance.clock.advance(1_000);

  const signIn = (email: string) =>
    appliance.call('/v1/login', { body: { email, password: PASSWORD } });
  // At once with themselves and with each other.
  const answers = await Promise.all([...people, ...people].map(signIn));
  expect(new Set(answers.map(({ body }) => body.status))).toEqual(new Set(['authenticated']));
  const again = await Promise.all(people.map(signIn));
  const names = again.map(({ body }) => body.user.username);
  expect(names.toSorted()).toEqual(['Lenient', null]);
  const login = { username: 'lenient', password: PASSWORD };
  const { body } = await appliance.call('/v1/login', { body: login });
  expect(body.user.email).toBe(people[names.indexOf('Lenient')]);
});

test('a forgotten password proves the mailbox too, and makes the name its owner’s', async () => {
  const email = newAddress();
  await register(email, 'Forgetful');
  const { body } = await appliance.call('/v1/password/forgot', { body: { email } });
  const code = await codeFor(appliance, email, 'reset_password');
  const { body: authorized } = await appliance.call('/v1/password/forgot/verify', {
    body: { flow_token: body.flow_token, code },
  });
  const reset = { flow_token: authorized.flow_token, password: OTHER_PASSWORD };
  expect((await appliance.call('/v1/password/reset', { body: reset })).status).toBe(200);
  const login = { username: 'forgetful', password: OTHER_PASSWORD };
  expect((await appliance.call('/v1/login', { body: login })).body.status).toBe('authenticated');
});
