import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, startAppliance, type TestAppliance } from '../../support/appliance.ts';

let appliance: TestAppliance;
let second: TestAppliance;

const env = {
  AUTHCTL_HASH_MODE: 'deferred',
  AUTHCTL_USERNAMES: 'unique',
  AUTHCTL_REGISTRATION_AUTO_LOGIN: 'on',
};

beforeAll(async () => {
  appliance = await startAppliance({ env });
  second = await startAppliance({ env, beside: appliance });
});
afterAll(async () => {
  await second.stop();
  await appliance.stop();
});

const password = 'correct horse battery staple';

function register(
  key: string,
  body: Record<string, unknown>,
  on: TestAppliance = appliance,
): Promise<Answer> {
  const headers = { 'Idempotency-Key': key };
  return on.call('/v1/register', { body: { password, ...body }, headers });
}

async function count(table: string, where: string): Promise<number> {
  const text = `SELECT count(*)::int AS rows FROM ${table} WHERE ${where}`;
  return (await appliance.sql<{ rows: number }>(text))[0]!.rows;
}

test('a retry gets the first answer, its tokens too, on this node and on one started later', async () => {
  const body = { email: 'retry@open.example' };
  const first = await register('retry-1', body);
  expect(first).toMatchObject({ status: 201, body: { status: 'authenticated' } });

  const later = await startAppliance({ env, beside: appliance });
  for (const node of [appliance, second, later]) {
    const again = await register('retry-1', body, node);
    expect({ status: again.status, body: again.body }).toEqual({ status: 201, body: first.body });
  }
  await later.stop();
  const token = first.body.tokens.access_token;
  expect((await appliance.call('/v1/me', { token })).status).toBe(200);
  expect(await count('sessions', `user_id = '${first.body.user.id}'`)).toBe(1);
});

test('a retry gets the first 202 too, and the mailbox no second mail', async () => {
  const body = { email: 'mailed@example.com' };
  const first = await register('mailed-1', body);
  expect(first.status).toBe(202);
  expect((await register('mailed-1', body)).body).toEqual(first.body);
  expect(await count('mails', `recipient = 'mailed@example.com'`)).toBe(1);
});

test('a retry for a taken address gets the first answer as well', async () => {
  expect((await register('owner', { email: 'owner@open.example' })).status).toBe(201);
  const taken = await register('taken-1', { email: 'owner@open.example' });
  expect(taken).toMatchObject({ status: 409, body: { code: 'email_taken' } });
  expect(await register('taken-1', { email: 'owner@open.example' })).toMatchObject({
    status: 409,
    body: { code: 'email_taken' },
  });

  expect((await register('o2', { email: 'owner@example.com' })).status).toBe(202);
  expect((await register('o3', { email: 'named@open.example', username: 'owner' })).status).toBe(
    201,
  );
  const decoy = await register('taken-2', { email: 'owner@example.com' });
  expect(decoy.status).toBe(202);
  expect((await register('taken-2', { email: 'owner@example.com' })).body).toEqual(decoy.body);

  const named = { email: 'someone@example.com', username: 'owner' };
  for (const _ of [1, 2])
    expect(await register('taken-3', named)).toMatchObject({
      status: 409,
      body: { code: 'username_taken' },
    });
});

test('another body under the same key is a conflict, whatever else is wrong with it', async () => {
  expect((await register('other', { email: 'other@open.example' })).status).toBe(201);
  for (const body of [
    { email: 'other2@open.example' },
    { email: 'other@open.example', password: `${password}!` },
    { email: 'other@open.example', device_name: 'phone' },
    { email: 'other@open.example', password: 'short' },
    { email: 'other@unknown.example' },
  ])
    expect(await register('other', body)).toMatchObject({
      status: 409,
      body: { code: 'idempotency_conflict' },
    });
  expect(await count('users', `email LIKE 'other2%'`)).toBe(0);
});

test('the order of the fields does not make another body', async () => {
  const first = await register('order', { email: 'order@open.example', username: 'order' });
  const again = await register('order', { username: 'order', email: 'order@open.example' });
  expect(again.body).toEqual(first.body);
});

test('50 at once on two nodes with one key make one user, 50 equal answers and one mail', async () => {
  for (const email of ['once@open.example', 'once@example.com']) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        register(`once ${email}`.replace(' ', '-'), { email }, index % 2 ? second : appliance),
      ),
    );
    const [first] = answers;
    expect([201, 202]).toContain(first!.status);
    for (const answer of answers) expect(answer.body).toEqual(first!.body);
    expect(await count('users', `email = '${email}'`)).toBe(1);
  }
  expect(await count('mails', `recipient = 'once@example.com'`)).toBe(1);
  expect(await count('flows', `address = 'once@example.com'`)).toBe(1);
});

test('50 at once with one key and two bodies: one body wins, the other conflicts', async () => {
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      register(
        'two-bodies',
        { email: `body${index % 2}@open.example` },
        index % 3 ? second : appliance,
      ),
    ),
  );
  const won = answers.filter(({ status }) => status === 201);
  expect(won).toHaveLength(25);
  expect(new Set(won.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  for (const { body } of answers.filter(({ status }) => status !== 201))
    expect(body.code).toBe('idempotency_conflict');
  expect(await count('users', `email LIKE 'body_@open.example'`)).toBe(1);
});

test('a refusal of the body itself uses up no key', async () => {
  expect((await register('fix', { email: 'fix@open.example', password: 'short' })).status).toBe(
    422,
  );
  expect((await register('fix', { email: 'fix@unknown.example' })).status).toBe(403);
  expect((await register('fix', { email: 'fix@open.example' })).status).toBe(201);
});

test('after a day the key is forgotten', async () => {
  expect((await register('day', { email: 'day1@open.example' })).status).toBe(201);
  appliance.clock.advance(23 * 3_600_000);
  expect((await register('day', { email: 'day2@open.example' })).status).toBe(409);
  appliance.clock.advance(2 * 3_600_000);
  expect((await register('day', { email: 'day2@open.example' })).status).toBe(201);
  expect((await register('day', { email: 'day1@open.example' })).body.code).toBe(
    'idempotency_conflict',
  );
});

test('a key must be 1 to 255 visible ASCII characters', async () => {
  for (const key of ['', 'a b', 'é', 'x'.repeat(256)])
    expect(await register(key, { email: 'badkey@open.example' })).toMatchObject({
      status: 422,
      body: { code: 'validation_failed' },
    });
  expect((await register('y'.repeat(255), { email: 'goodkey@open.example' })).status).toBe(201);
});

test('nothing in the table can be read: no key, no body, no answer', async () => {
  const answer = await register('canary-key', { email: 'canary@open.example', username: 'canary' });
  const rows = await appliance.sql<{ fingerprint: Buffer; digest: Buffer; sealed: Buffer }>(
    'SELECT digest, fingerprint, sealed FROM idempotency_keys',
  );
  const { tokens, user } = answer.body;
  const secrets = [
    password,
    'canary',
    'open.example',
    tokens.access_token,
    tokens.refresh_token,
    user.id,
  ];
  for (const row of rows)
    for (const column of [row.digest, row.fingerprint, row.sealed])
      for (const secret of secrets) expect(column.includes(secret)).toBe(false);
});
