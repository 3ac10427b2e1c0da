import { expect, onTestFinished, test } from 'vitest';
import { type Answer, startAppliance, type TestAppliance } from '../../support/appliance.ts';

const password = 'correct horse battery staple';

/** A node with settings of its own, gone with the test. */
async function start(env: Record<string, string>): Promise<TestAppliance> {
  const appliance = await startAppliance({ env: { AUTHCTL_HASH_MODE: 'deferred', ...env } });
  onTestFinished(() => appliance.stop());
  return appliance;
}

function registerAt(appliance: TestAppliance) {
  return (body: Record<string, unknown>): Promise<Answer> =>
    appliance.call('/v1/register', { body: { password, ...body } });
}

/** The fields at fault, as `pointer code`. */
function faults({ status, body }: Answer): string[] {
  expect(status).toBe(422);
  return body.errors.map((one: { pointer: string; code: string }) => `${one.pointer} ${one.code}`);
}

test('by default an address identifies, a username is only shown, and a phone is not asked for', async () => {
  const register = registerAt(await start({}));
  const answers = [
    await register({ email: 'one@open.example', username: 'Same.Name' }),
    await register({ email: 'two@open.example', username: 'Same.Name' }),
  ];
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 201, body: { user: { username: 'Same.Name' } } });

  expect(faults(await register({}))).toEqual(['/email required']);
  expect(faults(await register({ email: 'three@open.example', username: 'a b' }))).toEqual([
    '/username bad_format',
  ]);
  expect(faults(await register({ email: 'three@open.example', phone: '+41791234567' }))).toEqual([
    '/phone not_allowed',
  ]);
  expect(faults(await register({ email: 'x', username: '-', phone: '1' }))).toEqual([
    '/email bad_format',
    '/username bad_format',
    '/phone not_allowed',
  ]);
});

test('a shown username does not sign anybody in', async () => {
  const appliance = await start({});
  await registerAt(appliance)({ email: 'shown@open.example', username: 'shown' });
  const byName = await appliance.call('/v1/login', { body: { username: 'shown', password } });
  expect(byName).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
});

test('usernames off: one that is sent is refused', async () => {
  const register = registerAt(await start({ AUTHCTL_USERNAMES: 'off' }));
  const answer = await register({ email: 'one@open.example', username: 'name' });
  expect(faults(answer)).toEqual(['/username not_allowed']);
});

test.each([
  ['username', { AUTHCTL_USERNAMES: 'off' }, 'before'],
  ['phone', { AUTHCTL_PHONES: 'off' }, '+41791234567'],
])(
  '%s, since switched off: what is there can be removed, and not be set anew',
  async (field, env, value) => {
    const appliance = await start({ ...env, AUTHCTL_REGISTRATION_AUTO_LOGIN: 'on' });
    const { body } = await registerAt(appliance)({ email: 'one@open.example' });
    await appliance.sql(`UPDATE users SET ${field} = $1`, [value]);
    const patch = (change: Record<string, unknown>) =>
      appliance.call('/v1/me', {
        method: 'PATCH',
        token: body.tokens.access_token,
        body: change,
      });
    expect(faults(await patch({ [field]: value }))).toEqual([`/${field} not_allowed`]);
    expect(await patch({ [field]: null })).toMatchObject({ status: 200, body: { [field]: null } });
  },
);

test('identified by username alone: no address, no mail, sign-in by name', async () => {
  const appliance = await start({
    AUTHCTL_REGISTRATION_IDENTIFIER: 'username',
    AUTHCTL_USERNAMES: 'unique',
  });
  const register = registerAt(appliance);
  expect(await register({ username: 'Ada.L' })).toMatchObject({
    status: 201,
    body: { status: 'registered', user: { email: null, username: 'Ada.L', status: 'active' } },
  });
  expect(await register({ username: 'ada.l' })).toMatchObject({
    status: 409,
    body: { code: 'username_taken' },
  });
  expect(faults(await register({}))).toEqual(['/username required']);
  expect(faults(await register({ username: 'bob', email: 'bob@open.example' }))).toEqual([
    '/email not_allowed',
  ]);
  const login = await appliance.call('/v1/login', { body: { username: 'ADA.L', password } });
  expect(login).toMatchObject({ status: 200, body: { status: 'authenticated' } });
  expect(await appliance.sql('SELECT 1 FROM mails')).toEqual([]);
});

test('identified by either: both are unique, and one of them is needed', async () => {
  const appliance = await start({
    AUTHCTL_REGISTRATION_IDENTIFIER: 'either',
  });
  const register = registerAt(appliance);
  expect((await register({ email: 'ada@open.example' })).status).toBe(201);
  expect((await register({ username: 'ada' })).status).toBe(201);
  expect((await register({ email: 'bob@open.example', username: 'bob' })).status).toBe(201);
  expect((await register({ email: 'ada@open.example', username: 'adb' })).body.code).toBe(
    'email_taken',
  );
  expect((await register({ email: 'adb@open.example', username: 'ada' })).body.code).toBe(
    'username_taken',
  );
  expect(faults(await register({}))).toEqual(['/email required']);
  for (const who of [{ username: 'BOB' }, { email: 'bob@open.example' }]) {
    const login = await appliance.call('/v1/login', { body: { ...who, password } });
    expect(login.body.user).toMatchObject({ email: 'bob@open.example', username: 'bob' });
  }
});

test('phones are normalised where they are collected, and identify nobody', async () => {
  const register = registerAt(await start({ AUTHCTL_PHONES: 'collect' }));
  for (const email of ['one@open.example', 'two@open.example'])
    expect(await register({ email, phone: '+41 79 123-45.67' })).toMatchObject({
      status: 201,
      body: { user: { phone: '+41791234567' } },
    });
  for (const phone of ['0791234567', '+41 (0) 79 123 45 67', '+0', 'call me', ''])
    expect(faults(await register({ email: 'three@open.example', phone }))).toEqual([
      '/phone bad_format',
    ]);
});

test('a confirmation must match when it is sent', async () => {
  const register = registerAt(await start({}));
  const email = 'confirmed@open.example';
  expect(faults(await register({ email, password_confirmation: `${password} ` }))).toEqual([
    '/password_confirmation mismatch',
  ]);
  expect((await register({ email, password_confirmation: password })).status).toBe(201);
});

test('all that is missing is told at once, whatever the configuration asks for', async () => {
  const missing = (env: Record<string, string>, body: object) =>
    start(env)
      .then((appliance) => appliance.call('/v1/register', { body }))
      .then((answer) => new Set(faults(answer)));
  expect(await missing({}, {})).toEqual(new Set(['/email required', '/password required']));
  const either = { AUTHCTL_REGISTRATION_IDENTIFIER: 'either', AUTHCTL_USERNAMES: 'unique' };
  expect(await missing(either, { role: 'x' })).toEqual(
    new Set(['/email required', '/password required', '/role unknown_field']),
  );
  expect(await missing({}, { email: 7 })).toEqual(
    new Set(['/email wrong_type', '/password required']),
  );
});

test('fields that are not for a stranger to set are refused', async () => {
  const appliance = await start({});
  for (const field of [
    'id',
    'role',
    'status',
    'email_verified',
    'emailVerified',
    'phc',
    'created_at',
  ]) {
    const answer = await registerAt(appliance)({ email: 'mass@open.example', [field]: 'admin' });
    expect(faults(answer)).toHaveLength(1);
  }
  expect(await appliance.sql('SELECT 1 FROM users')).toEqual([]);
});

test('every field refuses other types, null, and NUL', async () => {
  const appliance = await start({ AUTHCTL_USERNAMES: 'unique', AUTHCTL_PHONES: 'collect' });
  const whole = { email: 'types@open.example', username: 'types', phone: '+41791234567', password };
  const others = [null, true, 7, ['a', 'b'], { not: '' }, { contains: '' }, 'a\0b', ''];
  for (const field of Object.keys(whole))
    for (const value of others)
      expect((await registerAt(appliance)({ ...whole, [field]: value })).status).toBe(422);
  expect(await appliance.sql('SELECT 1 FROM users UNION SELECT 1 FROM mails')).toEqual([]);
});
