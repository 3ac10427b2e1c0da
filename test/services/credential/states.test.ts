import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  authorizeReset,
  createAccount,
  OTHER_PASSWORD,
  PASSWORD,
  signIn,
} from '../../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: { AUTHCTL_HASH_MODE: 'deferred', AUTHCTL_WORKER_NICE: '0' },
  });
});
afterAll(() => appliance.stop());

const password = 'correct horse battery staple';

interface Row extends Record<string, unknown> {
  user_id: string;
  version: number;
  pepper_kid: string;
  salt: Buffer;
  pending: Buffer | null;
  phc: string | null;
}

async function register(email: string, secret = password): Promise<void> {
  const answer = await appliance.call('/v1/register', { body: { email, password: secret } });
  expect(answer.status).toBe(201);
}

async function login(email: string, secret = password): Promise<number> {
  return (await appliance.call('/v1/login', { body: { email, password: secret } })).status;
}

async function credentialOf(email: string): Promise<Row> {
  const rows = await appliance.sql<Row>(
    'SELECT c.* FROM credentials AS c JOIN users AS u ON u.id = c.user_id WHERE u.email = $1',
    [email],
  );
  return rows[0]!;
}

test('a row waits as a keyed prehash, is promoted by the first login, and its password works all along', async () => {
  await register('promoted@open.example');
  const waiting = await credentialOf('promoted@open.example');
  expect(waiting).toMatchObject({ phc: null, version: 1 });
  expect(waiting.pending).toHaveLength(32);

  expect(await login('promoted@open.example', 'wrong horse battery staple')).toBe(401);
  expect((await credentialOf('promoted@open.example')).phc).toBeNull();
  expect(await login('promoted@open.example')).toBe(200);
  const final = await credentialOf('promoted@open.example');
  expect(final).toMatchObject({
    pending: null,
    pending_since: null,
    lease_until: null,
    version: 1,
  });
  expect(final.phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  expect(await login('promoted@open.example')).toBe(200);
  expect(await login('promoted@open.example', 'wrong horse battery staple')).toBe(401);
});

test('nothing that is stored is a password, in either form', async () => {
  await register('thief@open.example');
  const waiting = await credentialOf('thief@open.example');
  expect(await login('thief@open.example')).toBe(200);
  const final = await credentialOf('thief@open.example');
  for (const row of [waiting, final])
    for (const value of Object.values(row).flatMap(spellings))
      expect(await login('thief@open.example', value)).not.toBe(200);
  expect(await login('thief@open.example')).toBe(200);
});

/** What a thief would type: the value as it is, and its bytes in every usual form. */
function spellings(value: unknown): string[] {
  if (value === null) return [];
  if (!Buffer.isBuffer(value)) return [String(value), `v1$${String(value)}`];
  const forms = ['hex', 'base64', 'base64url', 'latin1', 'utf8'] as const;
  return [...forms.map((form) => value.toString(form)), `\\x${value.toString('hex')}`];
}

test('equal passwords of many users have nothing in common at rest, waiting or final', async () => {
  const emails = Array.from({ length: 30 }, (_, index) => `equal${index}@open.example`);
  await Promise.all(emails.map((email) => register(email)));
  const waiting = await Promise.all(emails.map(credentialOf));
  for (const column of ['salt', 'pending'] as const)
    expect(new Set(waiting.map((row) => row[column]!.toString('hex'))).size).toBe(emails.length);
  for (const email of emails.slice(0, 5)) await login(email);
  const finals = await Promise.all(emails.slice(0, 5).map(credentialOf));
  const parts = finals.flatMap(({ phc }) => phc!.split('$').slice(-2));
  expect(new Set(parts).size).toBe(10);
});

test('a password is exactly what was typed, byte 73 and the last one included', async () => {
  const long = Array.from({ length: 200 }, (_, index) => 'abcdefghij'[index % 10]).join('');
  await register('exact@open.example', long);
  const flip = (at: number) => `${long.slice(0, at)}X${long.slice(at + 1)}`;
  for (const wrong of [
    flip(0),
    flip(71),
    flip(72),
    flip(73),
    flip(199),
    long.slice(0, 72),
    long.slice(0, -1),
    `${long} `,
    ` ${long}`,
    long.toUpperCase(),
  ])
    expect(await login('exact@open.example', wrong)).toBe(401);
  expect(await login('exact@open.example', long)).toBe(200);
});

test('an accent may be typed in either way; other look-alikes are other passwords', async () => {
  const composed = 'caf\u00e9 cr\u00e8me br\u00fbl\u00e9e';
  const decomposed = composed.normalize('NFD');
  expect(decomposed).not.toBe(composed);
  await register('nfc@open.example', composed);
  await register('nfd@open.example', decomposed);
  for (const email of ['nfc@open.example', 'nfd@open.example'])
    for (const typed of [composed, decomposed]) expect(await login(email, typed)).toBe(200);
  expect(await login('nfc@open.example', 'cafe creme brulee')).toBe(401);

  await register('compat@open.example', '\ufb01ne \u2460 \uff41 password');
  expect(await login('compat@open.example', 'fine 1 a password')).toBe(401);
  await register(
    'unicode@open.example',
    '\u{1f512}\u05e9\u05dc\u05d5\u05dd \u202e\u{10ffff}\u0301\u7f8e',
  );
  expect(
    await login(
      'unicode@open.example',
      '\u{1f512}\u05e9\u05dc\u05d5\u05dd \u202e\u{10ffff}\u0301\u7f8e',
    ),
  ).toBe(200);
});

test('an accent may be typed in either way to change a password and to reset it, too', async () => {
  const [first, second, third] = ['thé', 'pâté', 'crème'].map((word) => `${word} avant minuit`);
  const apart = (text: string) => text.normalize('NFD');
  const { email, token } = await createAccount(appliance, { password: first! });
  const change = (current_password: string, new_password: string) =>
    appliance.call('/v1/me/password', { token, body: { current_password, new_password } });
  expect((await change(first!, apart(first!))).body.code).toBe('password_reused');
  expect((await change(apart(first!), apart(second!))).status).toBe(204);
  for (const typed of [second!, apart(second!)]) expect(await login(email, typed)).toBe(200);

  const flow_token = await authorizeReset(appliance, email);
  const reset = (password: string) =>
    appliance.call('/v1/password/reset', { body: { flow_token, password } });
  expect((await reset(second!)).body.code).toBe('password_reused');
  expect((await reset(apart(third!))).status).toBe(200);
  for (const typed of [third!, apart(third!)]) expect(await login(email, typed)).toBe(200);
  // Whoever is signed in proves it either way.
  const again = await signIn(appliance, { email, password: third! });
  const begun = { token: again.token, body: { password: apart(third!) } };
  expect((await appliance.call('/v1/me/two-factor/totp', begun)).status).toBe(200);
});

test('NUL is refused, not cut at', async () => {
  const answer = await appliance.call('/v1/register', {
    body: { email: 'nul@open.example', password: `${password}\0tail` },
  });
  expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
  await register('nul@open.example');
  expect(await login('nul@open.example', `${password}\0tail`)).toBe(422);
});

test('a row is of no use in another place: another user, another salt, another pepper', async () => {
  const [mine, other] = ['mine@open.example', 'other@open.example'];
  await register(mine);
  await register(other, 'a password of another');
  const stolen = await credentialOf(mine);
  const target = await credentialOf(other);
  await appliance.sql('UPDATE credentials SET salt = $2, pending = $3 WHERE user_id = $1', [
    target.user_id,
    stolen.salt,
    stolen.pending,
  ]);
  expect(await login(other)).toBe(401);

  for (const change of ["salt = decode(md5(user_id::text), 'hex')", "pepper_kid = 'unknown'"]) {
    const email = `${change.slice(0, 4).toLowerCase()}@open.example`;
    await register(email);
    const { user_id } = await credentialOf(email);
    await appliance.sql(`UPDATE credentials SET ${change} WHERE user_id = $1`, [user_id]);
    expect(await login(email)).toBe(401);
  }
});

test('a password that is still waiting when it is forgotten may not be chosen again, now or next time', async () => {
  const { email } = await createAccount(appliance);
  expect((await credentialOf(email)).pending).toHaveLength(32);
  const reset = async (flow_token: string, secret: string) =>
    (await appliance.call('/v1/password/reset', { body: { flow_token, password: secret } })).body;
  const first = await authorizeReset(appliance, email);
  expect(await reset(first, PASSWORD)).toMatchObject({ code: 'password_reused' });
  expect(await reset(first, OTHER_PASSWORD)).toMatchObject({ status: 'password_reset' });
  const second = await authorizeReset(appliance, email);
  expect(await reset(second, PASSWORD)).toMatchObject({ code: 'password_reused' });
});

test('the right password works at every moment of hardening', async () => {
  const emails = Array.from({ length: 60 }, (_, index) => `moment${index}@open.example`);
  await Promise.all(emails.map((email) => register(email)));
  await appliance.startWorker();
  const isDone = async () => (await appliance.core.status()).pending_hashes === 0;
  let logins = 0;
  while (!(await isDone()) || logins < emails.length) {
    const email = emails[logins % emails.length]!;
    expect(await login(email)).toBe(200);
    logins += 1;
  }
  await eventually('nothing waits', isDone);
  for (const email of emails.slice(0, 5)) {
    expect(await login(email)).toBe(200);
    expect(await login(email, 'wrong horse battery staple')).toBe(401);
  }
  const rows = await appliance.sql<{ phc: string; pending: Buffer | null }>(
    'SELECT phc, pending FROM credentials',
  );
  for (const { phc, pending } of rows) {
    expect(pending).toBeNull();
    expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  }
});
