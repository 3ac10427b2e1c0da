import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Actor } from '../../../src/services/audit/actor.ts';
import type { UserAdmin } from '../../../src/services/user/admin.ts';
import { logIn, PASSWORD, signIn } from '../../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { dumpDatabase } from '../../support/dump.ts';

const OPERATOR: Actor = { kind: 'operator', id: 'tester', ip: '192.0.2.1', requestId: 'r1' };

let appliance: TestAppliance;
let users: UserAdmin;

beforeAll(async () => {
  appliance = await startAppliance();
  users = appliance.api.services.users;
});
afterAll(() => appliance.stop());

test('a user that is vouched for signs in at once, with the role given', async () => {
  const email = 'ada@example.com';
  const input = { email: 'Ada@Example.com', password: PASSWORD, role: 'admin' };
  const created = await users.create(OPERATOR, { ...input, emailVerified: true });
  expect(created.generatedPassword).toBeNull();
  expect(await users.get(created.userId)).toMatchObject({
    email,
    status: 'active',
    role: 'admin',
    email_verified: true,
    password: 'hardened',
    // Where the operator sits is not where the user registered.
    registered_ip: null,
  });
  await signIn(appliance, { email });
  const audit = await appliance.sql(
    `SELECT action, actor_id, ip, detail FROM audit WHERE user_id = $1 AND action LIKE 'user.%'`,
    [created.userId],
  );
  expect(audit).toEqual([
    {
      action: 'user.created',
      actor_id: 'tester',
      ip: '192.0.2.1',
      detail: { role: 'admin', email_verified: true },
    },
  ]);
});

test('a mailbox that nobody vouches for is proved at the first sign-in', async () => {
  const { generatedPassword } = await users.create(OPERATOR, { email: 'bob@example.com' });
  const answer = await logIn(appliance, { email: 'bob@example.com', password: generatedPassword! });
  expect(answer.body.status).toBe('verification_required');
});

test('a password that is drawn obeys every rule and is stored nowhere', async () => {
  const strict = await startAppliance({
    env: { AUTHCTL_PASSWORD_REQUIRE: 'lower,upper,digit,symbol' },
    beside: appliance,
  });
  const { generatedPassword } = await strict.api.services.users.create(OPERATOR, {
    email: 'carol@open.example',
  });
  expect(generatedPassword).toMatch(/^([2-9A-Z]{4}-[2-9a-z]{4}(-|$)){3}$/);
  expect(JSON.stringify(await dumpDatabase(appliance))).not.toContain(generatedPassword);
  await signIn(strict, { email: 'carol@open.example', password: generatedPassword! });
  await strict.stop();
});

test('of twenty who create one address, one does', async () => {
  const email = 'dora@open.example';
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      users.create(OPERATOR, { email: index % 2 ? email : email.toUpperCase() }),
    ),
  );
  const refused = results.filter((result) => result.status === 'rejected');
  expect(refused).toHaveLength(19);
  for (const { reason } of refused) expect(['email_taken', 'overloaded']).toContain(reason.code);
  expect((await users.list({ email }, { limit: 10 })).users).toHaveLength(1);
});

test.each([
  [{ email: 'eve@stranger.example' }, 'domain_not_allowed'],
  [{ email: 'no address' }, 'validation_failed'],
  [{}, 'validation_failed'],
  [{ email: 'eve@example.com', role: 'Not A Role' }, 'validation_failed'],
  [{ email: 'eve@example.com', phone: '+41791234567' }, 'validation_failed'],
  [{ email: 'eve@example.com', password: 'password1' }, 'password_too_weak'],
])('%j is refused: %s', async (input, code) => {
  await expect(users.create(OPERATOR, input)).rejects.toMatchObject({ code });
});
