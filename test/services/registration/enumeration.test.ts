import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, startAppliance, type TestAppliance } from '../../support/appliance.ts';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_MODE: 'deferred' } });
});
afterAll(() => appliance.stop());

const password = 'correct horse battery staple';

const register = (email: string, path = '/v1/register') =>
  appliance.call(path, { body: { email, password } });

/** What a stranger can compare: everything but the random values. */
function shapeOf({ status, headers, body }: Answer) {
  const { flow_token, expires_at, ...rest } = body;
  return {
    status,
    headers: [...headers.keys()],
    length: headers.get('content-length'),
    tokenLength: flow_token.length,
    expiresIn: Math.round((Date.parse(expires_at) - appliance.clock.now().getTime()) / 60_000),
    rest,
  };
}

const mailsTo = (recipient: string) =>
  appliance.sql('SELECT kind, user_id IS NOT NULL AS known FROM mails WHERE recipient = $1', [
    recipient,
  ]);

test('a new and a taken address get answers that a stranger cannot tell apart', async () => {
  await register('a-taken@example.com');
  const [fresh, taken] = [
    await register('a-fresh@example.com'),
    await register('A-Taken@example.com'),
  ];
  expect(fresh).toMatchObject({
    status: 202,
    body: {
      status: 'verification_required',
      delivery: { channel: 'email', to: 'a•••@example.com' },
    },
  });
  expect(shapeOf(taken)).toEqual(shapeOf(fresh));
});

test('the answer is the same for an account in every state, and only its owner gets a mail', async () => {
  const fresh = shapeOf(await register('s-new@example.com'));
  expect(await mailsTo('s-new@example.com')).toEqual([{ kind: 'verify_email', known: true }]);
  for (const status of ['pending', 'active', 'locked', 'disabled']) {
    const email = `s-${status.slice(0, 3)}@example.com`;
    await register(email);
    await appliance.sql('UPDATE users SET status = $2 WHERE email = $1', [email, status]);
    await appliance.sql('DELETE FROM mails');
    expect(shapeOf(await register(email))).toEqual(fresh);
    expect(await mailsTo(email)).toEqual([{ kind: 'address_taken', known: true }]);
  }
});

test('a taken address gets a decoy flow: a real row that belongs to nobody', async () => {
  await register('decoy@example.com');
  await appliance.sql('DELETE FROM flows');
  await register('decoy@example.com');
  const flows = await appliance.sql(
    `SELECT purpose, origin, user_id, security_version, address, tries, octet_length(code_digest) AS code
     FROM flows`,
  );
  expect(flows).toEqual([
    {
      purpose: 'verify',
      origin: 'register',
      user_id: null,
      security_version: null,
      address: 'decoy@example.com',
      tries: 0,
      code: 32,
    },
  ]);
});

test('a forgotten password of nobody’s gets a decoy, too, and a mail that has no reader', async () => {
  const email = 'nobodys@example.com';
  expect((await appliance.call('/v1/password/forgot', { body: { email } })).status).toBe(202);
  const rows = (table: string, column: string) =>
    appliance.sql(`SELECT user_id FROM ${table} WHERE ${column} = $1`, [email]);
  expect(await rows('flows', 'address')).toEqual([{ user_id: null }]);
  expect(await rows('mails', 'recipient')).toEqual([{ user_id: null }]);
});

test('the password of the account behind a taken address stays what it was', async () => {
  await register('kept@example.com');
  const other = { email: 'kept@example.com', password: 'another long password' };
  expect((await appliance.call('/v1/register', { body: other })).status).toBe(202);
  expect((await appliance.call('/v1/login', { body: other })).status).toBe(401);
  const login = await appliance.call('/v1/login', {
    body: { email: 'kept@example.com', password },
  });
  expect(login).toMatchObject({ status: 200, body: { status: 'verification_required' } });
});
