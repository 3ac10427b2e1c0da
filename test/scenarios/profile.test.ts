import { afterAll, beforeAll, expect, test } from 'vitest';
import { createAccount, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: { AUTHCTL_USERNAMES: 'unique', AUTHCTL_PHONES: 'collect' },
  });
});
afterAll(() => appliance.stop());

const patch = (token: string, body: object, ifMatch?: string) =>
  appliance.call('/v1/me', {
    method: 'PATCH',
    token,
    body,
    headers: ifMatch === undefined ? {} : { 'If-Match': ifMatch },
  });

test('of two writers who read the same version, one is told', async () => {
  const { token } = await createAccount(appliance);
  const etag = (await appliance.call('/v1/me', { token })).headers.get('etag')!;
  const answers = await Promise.all(
    ['one', 'two', 'three'].map((n) => patch(token, { username: `racer.${n}` }, etag)),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
  const winner = answers.find(({ status }) => status === 200)!;
  const now = await appliance.call('/v1/me', { token });
  expect(now.body.username).toBe(winner.body.username);
  expect(now.headers.get('etag')).toBe(winner.headers.get('etag'));
  expect((await patch(token, { phone: '+41 79 123 45 67' }, '*')).body.phone).toBe('+41791234567');
  expect((await patch(token, { phone: null }, 'W/"1"')).status).toBe(412);
  const list = `"zzz", ${(await appliance.call('/v1/me', { token })).headers.get('etag')}`;
  expect((await patch(token, { phone: null }, list)).body.phone).toBeNull();
  expect((await patch(token, { phone: null }, list)).status).toBe(412);
  expect((await patch(token, { phone: null })).body.phone).toBeNull();
});

test('a change of nothing makes no new version and tells nobody', async () => {
  const { token, id } = await createAccount(appliance);
  const before = await appliance.call('/v1/me', { token });
  const etag = before.headers.get('etag')!;
  const answer = await patch(token, {}, etag);
  expect(answer).toMatchObject({ status: 200, body: before.body });
  expect(answer.headers.get('etag')).toBe(etag);
  expect((await patch(token, {}, '"0"')).status).toBe(412);
  const records = await appliance.sql(
    `SELECT FROM audit WHERE user_id = $1 AND action = 'user.updated'`,
    [id],
  );
  expect(records).toEqual([]);
});

test('a username of somebody else is refused, also in other case', async () => {
  const [first, second] = [await createAccount(appliance), await createAccount(appliance)];
  expect((await patch(first.token, { username: 'Ada.Lovelace' })).body.username).toBe(
    'Ada.Lovelace',
  );
  expect((await patch(second.token, { username: 'ada.lovelace' })).body.code).toBe(
    'username_taken',
  );
  const body = { username: 'ADA.LOVELACE', password: PASSWORD };
  expect((await appliance.call('/v1/login', { body })).body.user.id).toBe(first.id);
});

test('fields that are not theirs to set are refused, and nothing changes', async () => {
  const { token, id } = await createAccount(appliance);
  const read = () => appliance.call('/v1/me', { token });
  const before = (await read()).body;
  const forbidden = {
    id,
    role: 'root',
    status: 'active',
    email: 'x@example.com',
    created_at: '',
    email_verified: true,
  };
  for (const [field, value] of Object.entries(forbidden))
    expect((await patch(token, { [field]: value })).body.code).toBe('validation_failed');
  for (const value of [1, true, {}, ['ab'], ''])
    expect((await patch(token, { username: value })).body.code).toBe('validation_failed');
  expect((await read()).body).toEqual(before);
});
