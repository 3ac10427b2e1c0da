import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashParams } from '../../../src/app/open-forge.ts';
import { phcOfNoPassword } from '../../../src/services/credential/hash-to-phc.ts';
import {
  authorizeReset,
  createTwoFactorAccount,
  signIn,
  type TwoFactorAccount,
} from '../../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../../support/appliance.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_MODE: 'deferred' } });
});
afterAll(() => appliance.stop());

const password = 'correct horse battery staple';
const wrong = 'wrong horse battery staple';

const completed = () => appliance.api.forge.stats().completed;

const login = (email: string, secret: string) =>
  appliance.call('/v1/login', { body: { email, password: secret } });

/** Registers a user and brings its credential into a state. */
async function register(email: string, change?: string): Promise<string> {
  const answer = await appliance.call('/v1/register', { body: { email, password } });
  if (change)
    await appliance.sql(`UPDATE credentials SET ${change} WHERE user_id = $1`, [
      answer.body.user.id,
    ]);
  return email;
}

/** What a stranger sees of an answer, without its random id and the time of day. */
const visible = ({ status, headers, body }: Answer) => ({
  status,
  headers: [...headers].map(([name, value]) =>
    ['x-request-id', 'date'].includes(name) ? name : `${name}: ${value}`,
  ),
  body: { ...body, instance: '' },
});

test('every failed login costs exactly one Argon2id and gets the same answer', async () => {
  await register('final@open.example');
  expect((await login('final@open.example', password)).status).toBe(200);
  for (const status of ['locked', 'disabled']) {
    await register(`${status}@open.example`);
    await appliance.sql('UPDATE users SET status = $2 WHERE email = $1', [
      `${status}@open.example`,
      status,
    ]);
  }
  const attempts = {
    unknown: 'nobody@open.example',
    'unknown domain': 'nobody@unknown.example',
    'no address': 'not an address',
    'empty address': '',
    pending: await register('pending@open.example'),
    final: 'final@open.example',
    locked: 'locked@open.example',
    disabled: 'disabled@open.example',
    unverified: await register('unverified@example.com'),
    'two-factor': (await createTwoFactorAccount(appliance)).email,
    'without a password': await register(
      'hashless@open.example',
      `salt = NULL, pending = NULL, pending_since = NULL,
       phc = '${phcOfNoPassword(hashParams(appliance.core.config))}'`,
    ),
    parked: await register('parked@open.example', `parked_at = now(), parked_reason = 'test'`),
    'pepper gone': await register('gone@open.example', `pepper_kid = 'gone'`),
    'unreadable hash': await register(
      'broken@open.example',
      `pending = NULL, pending_since = NULL, phc = '$argon2id$v=19$m=4194304,t=64,p=1$c2FsdHNhbHQ$aGFzaA'`,
    ),
  };
  const expected = visible(await login('nobody@open.example', wrong));
  expect(expected).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
  for (const [what, email] of Object.entries(attempts)) {
    const before = completed();
    expect({ what, ...visible(await login(email, wrong)) }).toEqual({ what, ...expected });
    expect({ what, hashes: completed() - before }).toEqual({ what, hashes: 1 });
  }
});

test('the right password costs one as well, in every state, and only then shows a lock', async () => {
  await register('right@open.example');
  for (const _ of ['pending', 'final']) {
    const before = completed();
    expect((await login('right@open.example', password)).status).toBe(200);
    expect(completed() - before).toBe(1);
  }
  const before = completed();
  expect(await login('locked@open.example', password)).toMatchObject({
    status: 403,
    body: { code: 'account_unavailable' },
  });
  expect(completed() - before).toBe(1);
});

test('a password longer than any can be is refused before hashing, alike for known and unknown', async () => {
  const tooLong = ['x'.repeat(257), '\u{1f512}'.repeat(257), 'é'.repeat(600), 'x'.repeat(10_000)];
  const before = completed();
  for (const secret of tooLong) {
    const answers = [];
    for (const email of ['final@open.example', 'nobody@open.example', 'not an address'])
      answers.push(visible(await login(email, secret)));
    expect(answers[0]).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    const register = await appliance.call('/v1/register', {
      body: { email: 'long@open.example', password: secret },
    });
    expect(register).toMatchObject({ status: 422, body: { errors: [{ code: 'too_long' }] } });
  }
  expect(completed()).toBe(before);
});

test('a new password longer than any can be is refused before the present one is hashed', async () => {
  const email = await register('changing@open.example');
  const { token } = await signIn(appliance, { email, password });
  const before = completed();
  for (const current_password of [password, wrong]) {
    const body = { current_password, new_password: 'x'.repeat(257) };
    expect(await appliance.call('/v1/me/password', { token, body })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/new_password', code: 'too_long' }] },
    });
  }
  expect(completed()).toBe(before);
});

describe('a password longer than any can be is refused before hashing where it is asked for again', () => {
  const LONG = ['x'.repeat(257), 'é'.repeat(600), 'x'.repeat(16_000)];
  let account: TwoFactorAccount;

  beforeAll(async () => {
    account = await createTwoFactorAccount(appliance);
  });

  const NEXT = 'seven green parrots at noon';
  test.each([
    ['POST', '/v1/me/password', { new_password: NEXT }, 'current_password'],
    ['POST', '/v1/me/email', { new_email: 'next@example.com' }, 'password'],
    ['POST', '/v1/me/two-factor/totp', {}, 'password'],
    ['POST', '/v1/me/two-factor/totp/disable', { code: '123456' }, 'password'],
    ['POST', '/v1/me/two-factor/recovery-codes', { code: '123456' }, 'password'],
    ['DELETE', '/v1/me', { code: '123456' }, 'password'],
  ])('%s %s', async (method, path, usual, field) => {
    const before = completed();
    for (const secret of LONG) {
      const body = { ...usual, [field]: secret };
      expect(await appliance.call(path, { method, token: account.token, body })).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: `/${field}`, code: 'too_long' }] },
      });
    }
    expect(completed()).toBe(before);
  });

  test('POST /v1/password/reset, of a flow that is good', async () => {
    const flow_token = await authorizeReset(appliance, account.email);
    const before = completed();
    for (const password of LONG) {
      const answer = await appliance.call('/v1/password/reset', { body: { flow_token, password } });
      expect(answer).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/password', code: 'too_long' }] },
      });
    }
    expect(completed()).toBe(before);
    const body = { flow_token, password: NEXT };
    expect((await appliance.call('/v1/password/reset', { body })).status).toBe(200);
  });

  test('a megabyte is not even read', async () => {
    const before = completed();
    for (const path of ['/v1/register', '/v1/login', '/v1/password/reset']) {
      const body = { email: 'final@open.example', password: 'x'.repeat(1_000_000) };
      const answer = await appliance.call(path, { body });
      expect(answer).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    }
    expect(completed()).toBe(before);
  });
});

test('as long as a password may be, it works', async () => {
  for (const [index, secret] of ['y'.repeat(256), '\u{1f512}'.repeat(256)].entries()) {
    const email = `longest${index}@open.example`;
    const answer = await appliance.call('/v1/register', { body: { email, password: secret } });
    expect(answer.status).toBe(201);
    expect((await login(email, secret)).status).toBe(200);
  }
});

test('an empty password is a wrong one like any other', async () => {
  const expected = visible(await login('nobody@open.example', wrong));
  for (const email of ['final@open.example', 'nobody@open.example']) {
    const before = completed();
    expect(visible(await login(email, ''))).toEqual(expected);
    expect(completed() - before).toBe(1);
  }
});
