import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashParams } from '../../../src/app/open-forge.ts';
import { uuidv7 } from '../../../src/crypto/random.ts';
import { SYSTEM_ACTOR } from '../../../src/services/audit/actor.ts';
import { discardPassword } from '../../../src/services/password/store.ts';
import type { UserFilter } from '../../../src/services/user/admin/find.ts';
import type { UserAdmin } from '../../../src/services/user/admin.ts';
import { createTwoFactorAccount } from '../../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { QUICK_SIGN_IN, signUp } from '../../support/sign-in.ts';

let appliance: TestAppliance;
let users: UserAdmin;

beforeAll(async () => {
  appliance = await startAppliance({ env: { ...QUICK_SIGN_IN, AUTHCTL_PHONES: 'collect' } });
  users = appliance.api.services.users;
  await insert('a_b@open.example', { username: 'snake_case', phone: '+41791234567' });
  await insert('axb@open.example', { username: 'snakeXcase', role: 'admin' });
  await insert('a%b@open.example', { status: 'locked' });
  await insert("o'brien@open.example", { username: 'O.Brien' });
  await insert('zoe@example.com', { createdAt: new Date('2020-02-03T04:05:06Z') });
});
afterAll(() => appliance.stop());

interface Row {
  username?: string;
  phone?: string;
  role?: string;
  status?: string;
  createdAt?: Date;
}

async function insert(email: string, row: Row = {}): Promise<string> {
  const { username, phone, role = 'user', status = 'active' } = row;
  const { createdAt = appliance.clock.now() } = row;
  const id = uuidv7(createdAt.getTime());
  await appliance.sql(
    `INSERT INTO users (id, email, username, phone, role, status, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`,
    [id, email, username ?? null, phone ?? null, role, status, createdAt],
  );
  return id;
}

async function emails(filter: UserFilter): Promise<(string | null)[]> {
  const page = await users.list(filter, { limit: 100 });
  return page.users.map(({ email }) => email).sort();
}

describe('filters', () => {
  test.each<[string, UserFilter, string[]]>([
    ['an underscore is itself', { search: 'a_b' }, ['a_b@open.example']],
    ['a percent sign is itself', { search: '%' }, ['a%b@open.example']],
    ['a backslash is itself', { search: '\\' }, []],
    ['a pattern of a prefix is itself', { emailPrefix: 'a_' }, ['a_b@open.example']],
    ['a percent sign begins nothing', { emailPrefix: '%' }, []],
    ['a quote is itself', { search: "o'b" }, ["o'brien@open.example"]],
    ['a username by equality, not by pattern', { username: 'snake_case' }, ['a_b@open.example']],
    ['a username in any case', { username: 'o.brien' }, ["o'brien@open.example"]],
    ['an address in any case', { email: ' A_B@Open.Example ' }, ['a_b@open.example']],
    ['no address is nobody’s', { email: 'a%' }, []],
    ['part of an address, in any case', { search: 'ZOE' }, ['zoe@example.com']],
    ['part of a phone number', { search: '79 123' }, ['a_b@open.example']],
    ['part of a username', { search: 'keX' }, ['axb@open.example']],
    ['a role', { role: 'admin' }, ['axb@open.example']],
    ['a status', { status: 'locked' }, ['a%b@open.example']],
    ['a time', { createdUntil: new Date('2020-02-03T04:05:07Z') }, ['zoe@example.com']],
    ['an exclusive end', { createdUntil: new Date('2020-02-03T04:05:06Z') }, []],
    ['all of several', { role: 'admin', status: 'locked' }, []],
  ])('%s', async (_, filter, expected) => {
    expect(await emails(filter)).toEqual(expected);
  });

  test('two-factor, on or off', async () => {
    const { email } = await createTwoFactorAccount(appliance);
    expect(await emails({ twoFactor: true })).toEqual([email]);
    expect(await emails({ twoFactor: false })).not.toContain(email);
  });
});

test('the pages show each user once while others register', async () => {
  const there = new Set<string>();
  for (let index = 0; index < 40; index += 1) there.add(await insert(`page${index}@open.example`));

  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const [page] = await Promise.all([
      users.list({ emailPrefix: 'page' }, { cursor, limit: 7 }),
      insert(`page-late-${seen.length}@open.example`),
      signUp(appliance),
    ]);
    seen.push(...page.users.map(({ id }) => id));
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);

  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.filter((id) => there.has(id))).toHaveLength(40);
  expect(seen).toEqual([...seen].sort().reverse());
});

test('a last page that is just full has no next', async () => {
  const page = await users.list({ search: 'a_b' }, { limit: 1 });
  expect(page.users).toHaveLength(1);
  expect(page.next_cursor).toBeNull();
});

test('an account can be named by id and address; what names nobody is not found', async () => {
  const user = await users.resolve('a_b@open.example');
  expect((await users.resolve(user.id)).email).toBe('a_b@open.example');
  for (const text of ['a%b', 'a_b@open.exampl_', '', 'nobody@open.example', 'snake_case'])
    await expect(users.resolve(text)).rejects.toMatchObject({ code: 'not_found' });
});

test('how the password is kept is shown, nothing of what is kept', async () => {
  const { userId, email } = await signUp(appliance);
  const { db, config, clock } = appliance.core;
  const discard = (id: string) =>
    db.transaction((tx) =>
      discardPassword({ tx, userId: id, at: clock.now() }, hashParams(config)),
    );
  const pending = await users.get(userId);
  expect(pending).toMatchObject({
    password: 'pending',
    active_sessions: 1,
    registered_ip: '127.0.0.1',
  });
  await users.setPassword(SYSTEM_ACTOR, userId, undefined);
  expect(await users.get(userId)).toMatchObject({ password: 'hardened', active_sessions: 0 });
  await discard(userId);
  expect((await users.get(userId)).password).toBe('none');
  await appliance.sql(
    `UPDATE credentials SET pepper_kid = NULL, salt = NULL, phc = '$2b$x' WHERE user_id = $1`,
    [userId],
  );
  expect((await users.resolve(email)).password).toBe('imported');
  expect((await users.resolve('a_b@open.example')).password).toBe('none');
  await discard(userId);
  expect((await users.get(userId)).password).toBe('none');
  expect(JSON.stringify(await users.list({}, { limit: 100 }))).not.toMatch(/\$argon2|\$2b|k4\./);
});
