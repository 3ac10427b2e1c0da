import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '../../../src/services/audit/actor.ts';
import type { UserAdmin } from '../../../src/services/user/admin.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { QUICK_SIGN_IN, signUp } from '../../support/sign-in.ts';

const OPERATOR: Actor = { kind: 'operator', id: 'tester' };

let appliance: TestAppliance;
let users: UserAdmin;

beforeAll(async () => {
  appliance = await startAppliance({
    env: { ...QUICK_SIGN_IN, AUTHCTL_USERNAMES: 'unique' },
  });
  users = appliance.api.services.users;
});
afterAll(() => appliance.stop());

describe('one change at a time', () => {
  test('of twenty who change the version they read, one does', async () => {
    const { userId } = await signUp(appliance);
    const { version } = await users.get(userId);
    const changes = Array.from({ length: 20 }, (_, index) =>
      users.change(OPERATOR, userId, { role: `role-${index}` }, { versions: [version] }),
    );
    const results = await Promise.allSettled(changes);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(19);
    for (const { reason } of refused) expect(reason.code).toBe('precondition_failed');
    expect((await users.get(userId)).version).toBe(version + 1);
    const [row] = await appliance.sql<{ count: number }>(
      `SELECT count(*)::int AS count FROM audit
       WHERE user_id = $1 AND action = 'user.role_changed'`,
      [userId],
    );
    expect(row?.count).toBe(1);
  });

  test('of twenty who delete the version they read, one does', async () => {
    const { userId } = await signUp(appliance);
    const { version } = await users.get(userId);
    await expect(users.remove(OPERATOR, userId, [version + 1])).rejects.toMatchObject({
      code: 'precondition_failed',
    });
    const removals = Array.from({ length: 20 }, () => users.remove(OPERATOR, userId, [version]));
    const results = await Promise.allSettled(removals);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('twenty different changes at once all hold, or say that they do not', async () => {
    const { userId } = await signUp(appliance);
    const changes = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0
        ? users.change(OPERATOR, userId, { status: index % 4 === 0 ? 'locked' : 'active' })
        : users.sessions.endAll(OPERATOR, userId),
    );
    for (const { status } of await Promise.allSettled(changes)) expect(status).toBe('fulfilled');
  });
});

test('a change to what is so already writes nothing and ends nothing', async () => {
  const { userId } = await signUp(appliance);
  const before = await users.get(userId);
  await users.change(OPERATOR, userId, { status: 'active', role: 'user' });
  await users.change(OPERATOR, userId, {});
  expect(await users.get(userId)).toEqual(before);
});

test('a username ends no session; it is unique, and the audit does not repeat it', async () => {
  const [first, second] = [await signUp(appliance), await signUp(appliance)];
  await users.change(OPERATOR, first.userId, { username: 'Ada.Lovelace' });
  expect(await users.get(first.userId)).toMatchObject({
    username: 'Ada.Lovelace',
    active_sessions: 1,
  });
  await expect(
    users.change(OPERATOR, second.userId, { username: 'ADA.LOVELACE' }),
  ).rejects.toMatchObject({ code: 'username_taken' });
  expect((await users.resolve('ada.lovelace')).id).toBe(first.userId);
  await users.change(OPERATOR, first.userId, { username: null });
  expect((await users.get(first.userId)).username).toBeNull();
  const rows = await appliance.sql('SELECT detail FROM audit WHERE user_id = $1', [first.userId]);
  expect(JSON.stringify(rows)).not.toMatch(/lovelace/i);
});

test('an account that is known by its username only keeps one', async () => {
  const { userId } = await signUp(appliance);
  await users.change(OPERATOR, userId, { username: 'Nameless' });
  await appliance.sql('UPDATE users SET email = NULL WHERE id = $1', [userId]);
  await expect(users.change(OPERATOR, userId, { username: null })).rejects.toMatchObject({
    code: 'conflict',
  });
  expect((await users.get(userId)).username).toBe('Nameless');
});

test('no way of holding and releasing an account takes the place of its mailbox’s proof', async () => {
  const { userId } = await signUp(appliance);
  await appliance.sql(
    `UPDATE users SET status = 'pending', email_verified_at = NULL WHERE id = $1`,
    [userId],
  );
  for (const status of ['locked', 'disabled', 'locked', 'active'] as const)
    await users.change(OPERATOR, userId, { status });
  expect((await users.get(userId)).status).toBe('pending');
  await users.change(OPERATOR, userId, { status: 'active' });
  expect((await users.get(userId)).status).toBe('pending');
});

test.each(['', 'Root', 'two words', 'a\r\nX-User-Id: 1', 'x'.repeat(33), 'ä'])(
  'a role that could not travel in a header is refused: %j',
  async (role) => {
    const { userId } = await signUp(appliance);
    await expect(users.change(OPERATOR, userId, { role })).rejects.toMatchObject({
      code: 'validation_failed',
    });
  },
);

test('what must be so before is looked at, and an unknown user is none', async () => {
  const { userId } = await signUp(appliance);
  const unlock = users.change(OPERATOR, userId, { status: 'active' }, { from: ['locked'] });
  await expect(unlock).rejects.toMatchObject({ code: 'conflict' });
  const nobody = '00000000-0000-7000-8000-000000000000';
  await expect(users.change(OPERATOR, nobody, { role: 'x' })).rejects.toMatchObject({
    code: 'not_found',
  });
  await expect(users.setPassword(OPERATOR, nobody, undefined)).rejects.toMatchObject({
    code: 'not_found',
  });
  await expect(users.resetTwoFactor(OPERATOR, nobody)).rejects.toMatchObject({ code: 'not_found' });
});
