import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  authorizeReset,
  createAccount,
  createTwoFactorAccount,
  newAddress,
  OTHER_PASSWORD,
  PASSWORD,
} from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { mailKinds } from '../support/mailbox.ts';
import { tally } from '../support/tally.ts';

/** The limits behind the Guardian, which stands aside here. */
const LIMITS_ON = {
  AUTHCTL_LIMITS: 'on',
  AUTHCTL_IP_RATE: '100000',
  AUTHCTL_IP_BURST: '100000',
  AUTHCTL_IP_HASH_RATE: '100000',
  AUTHCTL_IP_HASH_BURST: '100000',
  AUTHCTL_HASH_QUEUE: '1000',
  AUTHCTL_TRUSTED_PROXIES: '127.0.0.1/32',
};
const WRONG = 'not my password at all';

let appliance: TestAppliance;
let second: TestAppliance;
let networks = 0;

beforeAll(async () => {
  appliance = await startAppliance({ env: LIMITS_ON });
  second = await startAppliance({ beside: appliance, env: LIMITS_ON });
});
afterAll(async () => {
  await second.stop();
  await appliance.stop();
});

/** A client network nobody has come from before. */
function newNetwork(): string {
  networks += 1;
  return `10.${networks >> 8}.${networks & 255}.7`;
}

function logIn(email: string, password: string, ip = newNetwork(), node = appliance) {
  const headers = { 'X-Forwarded-For': ip };
  return node.call('/v1/login', { body: { email, password }, headers });
}
const post = (path: string, token: string, body: unknown) => appliance.call(path, { token, body });
const totp = (secret: string) => authenticatorCode(secret, appliance.clock.now());
const wrongTotp = (secret: string) =>
  String((Number(totp(secret)) + 1) % 1_000_000).padStart(6, '0');

describe('guessing a password', () => {
  test('100 guesses at once from one network, the right one among them: five are checked', async () => {
    const { email } = await createAccount(appliance);
    const ip = newNetwork();
    const right = 60;
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        logIn(email, index === right ? PASSWORD : WRONG, ip, index % 2 ? second : appliance),
      ),
    );
    const counts = tally(answers);
    expect((counts['invalid_credentials'] ?? 0) + (counts['ok'] ?? 0)).toBeLessThanOrEqual(5);
    expect(counts['rate_limited']).toBeGreaterThanOrEqual(95);
    const refused = answers.find(({ status }) => status === 429)!;
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('another body for a known Idempotency-Key is a guess like any other', async () => {
    const email = newAddress();
    const register = (password: string, ip: string) =>
      appliance.call('/v1/register', {
        body: { email, password },
        headers: { 'X-Forwarded-For': ip, 'Idempotency-Key': `registration-${email}` },
      });
    const ip = newNetwork();
    expect((await register(PASSWORD, ip)).status).toBe(202);
    for (let retry = 0; retry < 10; retry += 1)
      expect((await register(PASSWORD, ip)).status).toBe(202);
    const guesses = Array.from({ length: 40 }, (_, n) => register(`${WRONG} ${n}`, ip));
    expect(tally(await Promise.all(guesses))).toEqual({
      idempotency_conflict: 5,
      rate_limited: 35,
    });
    expect((await register(PASSWORD, ip)).status).toBe(429);
    expect((await logIn(email, PASSWORD, ip)).status).toBe(429);
    expect((await register(PASSWORD, newNetwork())).status).toBe(202);
  });

  test('used-up guesses do not show which address is taken, with an Idempotency-Key either', async () => {
    const { email } = await createAccount(appliance);
    const statuses = [];
    for (const address of [email, newAddress()]) {
      const ip = newNetwork();
      for (let n = 0; n < 5; n += 1) expect((await logIn(address, WRONG, ip)).status).toBe(401);
      const headers = { 'X-Forwarded-For': ip, 'Idempotency-Key': `probe-${address}` };
      const body = { email: address, password: 'a password of the stranger' };
      statuses.push((await appliance.call('/v1/register', { body, headers })).status);
    }
    expect(statuses).toEqual([202, 202]);
  });

  test('a retry with the right body gives nobody further guesses', async () => {
    const { email } = await createAccount(appliance);
    const ip = newNetwork();
    const headers = { 'X-Forwarded-For': ip, 'Idempotency-Key': `stranger-${email}` };
    const body = { email, password: 'a password of the stranger' };
    expect((await appliance.call('/v1/register', { body, headers })).status).toBe(202);
    for (let n = 0; n < 4; n += 1) expect((await logIn(email, WRONG, ip)).status).toBe(401);
    expect((await appliance.call('/v1/register', { body, headers })).status).toBe(202);
    expect((await logIn(email, WRONG, ip)).status).toBe(401);
    expect((await logIn(email, WRONG, ip)).status).toBe(429);
  });

  test('an address in other case, or an unknown one, has the same budget', async () => {
    const { email } = await createAccount(appliance);
    for (const address of [email, newAddress()]) {
      const ip = newNetwork();
      for (const variant of [address, address.toUpperCase(), ` ${address}`, address, address])
        expect((await logIn(variant, WRONG, ip)).body.code).toBe('invalid_credentials');
      expect((await logIn(address.toUpperCase(), PASSWORD, ip)).body.code).toBe('rate_limited');
    }
  });

  test('a flood from everywhere keeps neither the owner’s network out nor a reset', async () => {
    const { email } = await createAccount(appliance);
    const home = newNetwork();
    expect((await logIn(email, PASSWORD, home)).status).toBe(200);
    await Promise.all(Array.from({ length: 60 }, () => logIn(email, WRONG)));
    expect((await logIn(email, PASSWORD)).body.code).toBe('rate_limited');
    expect((await logIn(email, PASSWORD, home)).status).toBe(200);
    // Nor does the owner's coming and going give the flood further guesses.
    expect((await logIn(email, WRONG)).body.code).toBe('rate_limited');

    const flow_token = await authorizeReset(appliance, email);
    const elsewhere = { 'X-Forwarded-For': newNetwork() };
    const body = { flow_token, password: OTHER_PASSWORD };
    const reset = await appliance.call('/v1/password/reset', { body, headers: elsewhere });
    expect(reset.status).toBe(200);
    const [there] = Object.values(elsewhere);
    expect((await logIn(email, OTHER_PASSWORD, there)).status).toBe(200);
  });

  test('a reset forgets what its network got wrong before', async () => {
    const { email } = await createAccount(appliance);
    const ip = newNetwork();
    for (let n = 0; n < 5; n += 1) expect((await logIn(email, WRONG, ip)).status).toBe(401);
    expect((await logIn(email, PASSWORD, ip)).status).toBe(429);
    const body = { flow_token: await authorizeReset(appliance, email), password: OTHER_PASSWORD };
    const headers = { 'X-Forwarded-For': ip };
    expect((await appliance.call('/v1/password/reset', { body, headers })).status).toBe(200);
    expect((await logIn(email, OTHER_PASSWORD, ip)).status).toBe(200);
  });

  test('what cannot be anybody’s address has a budget like one that can', async () => {
    const ip = newNetwork();
    const answers = [];
    for (let n = 0; n < 6; n += 1) answers.push((await logIn('nobody at all', WRONG, ip)).status);
    expect(answers).toEqual([401, 401, 401, 401, 401, 429]);
  });

  test('a session’s guesses: five failed re-authentications, over all endpoints together', async () => {
    const { token } = await createAccount(appliance);
    const change = { current_password: WRONG, new_password: OTHER_PASSWORD };
    const guesses = [
      () => post('/v1/me/password', token, change),
      () => post('/v1/me/email', token, { new_email: newAddress(), password: WRONG }),
      () => post('/v1/me/two-factor/totp', token, { password: WRONG }),
      () => appliance.call('/v1/me', { method: 'DELETE', token, body: { password: WRONG } }),
      () => post('/v1/me/two-factor/totp/disable', token, { password: WRONG, code: '123456' }),
    ];
    for (const guess of guesses) expect((await guess()).body.code).toBe('invalid_credentials');
    const right = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
    expect((await post('/v1/me/password', token, right)).body.code).toBe('rate_limited');
    for (const guess of guesses) expect((await guess()).body.code).toBe('rate_limited');
    appliance.clock.advance(31 * 60_000);
  });
});

describe('guessing a second factor', () => {
  test('the right password, again and again, buys no further tries', async () => {
    const account = await createTwoFactorAccount(appliance);
    const flows = [];
    for (let index = 0; index < 3; index += 1)
      flows.push((await logIn(account.email, PASSWORD)).body.flow_token);
    const guess = (flow_token: string, factor: object, node = appliance) =>
      node.call('/v1/login/two-factor', { body: { flow_token, ...factor } });

    appliance.clock.advance(30_000);
    const code = wrongTotp(account.secret);
    const recovery_code = 'AAAA-AAAA-AAAA-AAAA';
    const tries = [{ code }, { recovery_code }, { code }, { code }, { recovery_code }];
    for (const [index, factor] of tries.entries()) {
      const node = index % 2 ? second : appliance;
      expect((await guess(flows[index % 2], factor, node)).body.code).toBe('invalid_code');
    }
    const right = { code: totp(account.secret) };
    expect((await guess(flows[2], right)).body.code).toBe('rate_limited');
    const again = await logIn(account.email, PASSWORD);
    expect(again.body.status).toBe('two_factor_required');
    expect((await guess(again.body.flow_token, right)).body.code).toBe('rate_limited');
    const spare = { recovery_code: account.recoveryCodes[0] };
    expect((await guess(again.body.flow_token, spare)).body.code).toBe('rate_limited');
    const disable = { password: PASSWORD, ...right };
    const disabled = await post('/v1/me/two-factor/totp/disable', account.token, disable);
    expect(disabled.body.code).toBe('rate_limited');

    appliance.clock.advance(31 * 60_000);
    const later = await logIn(account.email, PASSWORD);
    const fresh = { code: totp(account.secret) };
    expect((await guess(later.body.flow_token, fresh)).body.status).toBe('authenticated');
  });

  test('40 guesses at once over 40 flows and two nodes: five are checked', async () => {
    const account = await createTwoFactorAccount(appliance);
    const logins = await Promise.all(
      Array.from({ length: 40 }, () => logIn(account.email, PASSWORD)),
    );
    const flows = logins.map(({ body }): string => body.flow_token);
    appliance.clock.advance(30_000);
    const code = wrongTotp(account.secret);
    const answers = await Promise.all(
      flows.map((flow_token, index) =>
        (index % 2 ? second : appliance).call('/v1/login/two-factor', {
          body: { flow_token, code },
        }),
      ),
    );
    expect(tally(answers)).toEqual({ invalid_code: 5, rate_limited: 35 });
  });
});

describe('mail', () => {
  test('100 requests for one mailbox from 100 networks: five mails an hour, the answers alike', async () => {
    const { email } = await createAccount(appliance);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        appliance.call('/v1/password/forgot', {
          body: { email },
          headers: { 'X-Forwarded-For': newNetwork() },
        }),
      ),
    );
    expect(tally(answers)).toEqual({ ok: 100 });
    const resets = (await mailKinds(appliance, email)).filter((kind) => kind === 'reset_password');
    expect(resets).toHaveLength(5);
    const withheld = await appliance.sql(
      `SELECT 1 FROM audit AS a JOIN users AS u ON u.id = a.user_id
       WHERE u.email = $1 AND a.action = 'mail.withheld'`,
      [email],
    );
    expect(withheld).toHaveLength(95);
    expect((await logIn(email, PASSWORD)).status).toBe(200);
  });

  test('the mail that a registration sends counts among those sent again', async () => {
    const email = newAddress();
    const headers = { 'X-Forwarded-For': newNetwork() };
    const registered = await appliance.call('/v1/register', {
      body: { email, password: PASSWORD },
      headers,
    });
    let { flow_token } = registered.body;
    for (let resends = 0; resends < 7; resends += 1) {
      const again = await appliance.call('/v1/verify/resend', { body: { flow_token }, headers });
      expect(again).toMatchObject({ status: 200, body: { status: 'verification_required' } });
      flow_token = again.body.flow_token;
    }
    expect(await mailKinds(appliance, email)).toEqual(Array(5).fill('verify_email'));
  });

  test('a retry of a registration, by its Idempotency-Key, uses up no mail, though the address is taken', async () => {
    const account = await createAccount(appliance);
    const headers = { 'Idempotency-Key': `again-${account.email}` };
    const body = { email: account.email, password: WRONG };
    for (let retries = 0; retries < 8; retries += 1)
      expect((await appliance.call('/v1/register', { body, headers })).status).toBe(202);
    const withheld = `SELECT 1 FROM audit WHERE action = 'mail.withheld' AND user_id = $1`;
    expect(await appliance.sql(withheld, [account.id])).toEqual([]);
  });

  test('requests beyond the budget end no code that was mailed', async () => {
    const { email } = await createAccount(appliance);
    const ask = () =>
      appliance.call('/v1/password/forgot', {
        body: { email },
        headers: { 'X-Forwarded-For': newNetwork() },
      });
    for (let index = 0; index < 4; index += 1) await ask();
    const flow_token = (await ask()).body.flow_token;
    for (let index = 0; index < 3; index += 1) await ask();
    const verify = await appliance.call('/v1/password/forgot/verify', {
      body: { flow_token, code: 'AAAA-AAAA' },
    });
    expect(verify.body.code).toBe('invalid_code');
  });

  test('one network asks for one address five times in five minutes', async () => {
    const email = newAddress();
    const ask = () => appliance.call('/v1/password/forgot', { body: { email } });
    for (let index = 0; index < 5; index += 1) expect((await ask()).status).toBe(202);
    expect((await ask()).body.code).toBe('rate_limited');
  });

  test('registering one address again and again mails its owner five times an hour', async () => {
    const { email } = await createAccount(appliance);
    const answers = [];
    for (let index = 0; index < 8; index += 1)
      answers.push(await appliance.call('/v1/register', { body: { email, password: PASSWORD } }));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(202));
    const taken = (await mailKinds(appliance, email)).filter((kind) => kind === 'address_taken');
    expect(taken).toHaveLength(4);
  });
});

test('no header of the client’s own choosing gives it another network', async () => {
  const plain = await startAppliance({
    beside: appliance,
    env: { ...LIMITS_ON, AUTHCTL_TRUSTED_PROXIES: '' },
  });
  const email = newAddress();
  const answers = [];
  for (let index = 0; index < 7; index += 1) {
    const spoofed = `203.0.${index}.1`;
    answers.push(
      await plain.call('/v1/login', {
        body: { email, password: WRONG },
        headers: {
          'X-Forwarded-For': index === 3 ? 'a' : spoofed,
          Forwarded: `for=${spoofed}`,
          'X-Real-IP': spoofed,
          'X-Client-IP': 'x'.repeat(5_000),
        },
      }),
    );
  }
  await plain.stop();
  expect(tally(answers)).toEqual({ invalid_credentials: 5, rate_limited: 2 });
});

test('registration.rate: so many a minute from one network; a retry of one is none', async () => {
  const env = { ...LIMITS_ON, AUTHCTL_REGISTRATION_RATE: '3' };
  const limited = await startAppliance({ beside: appliance, env });
  onTestFinished(() => limited.stop());
  const register = (email: string, ip: string, key: string) =>
    limited.call('/v1/register', {
      body: { email, password: PASSWORD },
      headers: { 'X-Forwarded-For': ip, 'Idempotency-Key': key },
    });
  const ip = newNetwork();
  const email = newAddress();
  expect((await register(email, ip, `first-${email}`)).status).toBe(202);
  expect((await register(email, ip, `first-${email}`)).status).toBe(202);
  const addresses = Array.from({ length: 10 }, () => newAddress('open.example'));
  const answers = await Promise.all(addresses.map((one) => register(one, ip, `only-${one}`)));
  expect(tally(answers)).toEqual({ ok: 2, rate_limited: 8 });
  const refused = answers.find(({ status }) => status === 429)!;
  expect(refused.headers.get('ratelimit-policy')).toBe('"registration";q=3;w=60');
  const stored = await limited.sql('SELECT FROM users WHERE email = ANY($1)', [addresses]);
  expect(stored).toHaveLength(2);
  expect((await register(newAddress(), newNetwork(), `elsewhere-${email}`)).status).toBe(202);
});
