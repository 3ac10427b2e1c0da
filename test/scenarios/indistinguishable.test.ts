import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createAccount,
  createTwoFactorAccount,
  logIn,
  newAddress,
  PASSWORD,
} from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { maskAnswer } from '../support/mask-answer.ts';

/** What a stranger can compare: status, header names and values, body; all but ids and moments. */
let appliance: TestAppliance;
const emails: Record<string, string> = {};
const WRONG = 'not my password at all';

beforeAll(async () => {
  // Deferred: a new account's credential stays pending, as no worker runs here.
  appliance = await startAppliance({
    env: {
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_IP_RATE: '100000',
      AUTHCTL_IP_BURST: '100000',
      AUTHCTL_IP_HASH_RATE: '100000',
      AUTHCTL_IP_HASH_BURST: '100000',
      AUTHCTL_TRUSTED_PROXIES: '127.0.0.1/32',
    },
  });
  const create = async () => (await createAccount(appliance)).email;
  const final = await create();
  expect((await logIn(appliance, { email: final })).status).toBe(200);
  const pending = newAddress();
  await appliance.call('/v1/register', { body: { email: pending, password: PASSWORD } });
  const unverified = newAddress('open.example');
  await appliance.call('/v1/register', { body: { email: unverified, password: PASSWORD } });
  const [locked, disabled] = [await create(), await create()];
  await setStatus(locked, 'locked');
  await setStatus(disabled, 'disabled');
  const twoFactor = (await createTwoFactorAccount(appliance)).email;
  const pendingHash = await create();
  Object.assign(emails, {
    unknown: newAddress(),
    'of an unknown domain': 'somebody@elsewhere.example',
    known: final,
    'with a pending hash': pendingHash,
    'never verified': pending,
    'without verification': unverified,
    locked,
    disabled,
    'with two-factor': twoFactor,
  });
});
afterAll(() => appliance.stop());

const setStatus = (email: string, status: string) =>
  appliance.sql('UPDATE users SET status = $2 WHERE email = $1', [email, status]);

/** The masked answers, by the accounts that got them: one entry where nothing can be told. */
async function compare(
  who: readonly string[],
  ask: (email: string) => Promise<Answer>,
): Promise<string[][]> {
  const groups = new Map<string, string[]>();
  for (const name of who) {
    const answer = JSON.stringify(maskAnswer(await ask(emails[name]!)));
    groups.set(answer, [...(groups.get(answer) ?? []), name]);
  }
  return [...groups.values()];
}

const everybody = () => Object.keys(emails);
let clients = 0;

/** Posts from a client network of its own, so that no other question's budget shows. */
function post(path: string, body: unknown): Promise<Answer> {
  clients += 1;
  const headers = { 'X-Forwarded-For': `10.1.${clients}.7` };
  return appliance.call(path, { body, headers });
}

test('signing in with a wrong password: unknown, known, pending, locked, disabled, two-factor alike', async () => {
  const pendingRows = await appliance.sql('SELECT 1 FROM credentials WHERE pending IS NOT NULL');
  expect(pendingRows.length).toBeGreaterThan(2);
  const answers = await compare(everybody(), (email) =>
    post('/v1/login', { email, password: WRONG }),
  );
  expect(answers).toEqual([everybody()]);
});

test.each([
  ['empty', ''],
  ['a byte', 'x'],
  ['a character', '\u{1F511}'],
  ['a NUL', 'x\0y'],
  ['half a character', 'x\uD83D'],
  ['a byte too long', 'y'.repeat(1_025)],
  ['too long once normalised', 'ｘ'.repeat(300)],
])('the same for a password that none can be: %s', async (_, password) => {
  const answers = await compare(everybody(), (email) => post('/v1/login', { email, password }));
  expect(answers).toEqual([everybody()]);
});

test('the same for a password that is not UTF-8', async () => {
  const answers = await compare(everybody(), async (email) => {
    const text = JSON.stringify({ email, password: 'not my \u00FF password' });
    const response = await fetch(`${appliance.url}/v1/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from(text, 'latin1'),
    });
    expect(response.status).toBe(400);
    return { status: response.status, headers: response.headers, body: await response.json() };
  });
  expect(answers).toEqual([everybody()]);
});

test('the same once the budget is used up', async () => {
  const answers = await compare(everybody(), async (email) => {
    clients += 1;
    const headers = { 'X-Forwarded-For': `10.1.${clients}.7` };
    const body = { email, password: WRONG };
    for (let index = 0; index < 5; index += 1) await appliance.call('/v1/login', { body, headers });
    return appliance.call('/v1/login', { body, headers });
  });
  expect(answers).toEqual([everybody()]);
});

test('only the right password tells a locked or disabled account', async () => {
  for (const name of ['locked', 'disabled']) {
    const answer = await post('/v1/login', { email: emails[name], password: PASSWORD });
    expect(answer.body.code).toBe('account_unavailable');
  }
});

describe('a forgotten password', () => {
  const forgot = (email: string) => post('/v1/password/forgot', { email });

  test('asking: all alike', async () => {
    expect(await compare(everybody(), forgot)).toEqual([everybody()]);
  });

  test('a wrong code, five times and once more: all alike', async () => {
    for (const guesses of [1, 5, 6]) {
      const answers = await compare(everybody(), async (email) => {
        const { flow_token } = (await forgot(email)).body;
        const body = { flow_token, code: 'AAAA-AAAA' };
        for (let index = 1; index < guesses; index += 1)
          await post('/v1/password/forgot/verify', body);
        return post('/v1/password/forgot/verify', body);
      });
      expect(answers).toEqual([everybody()]);
    }
  });

  test('sending again, and what becomes of the old flow: all alike', async () => {
    const resend = async (email: string) => {
      const { flow_token } = (await forgot(email)).body;
      return { flow_token, answer: await post('/v1/verify/resend', { flow_token }) };
    };
    expect(await compare(everybody(), async (email) => (await resend(email)).answer)).toEqual([
      everybody(),
    ]);
    const late = async (email: string) => {
      const { flow_token } = await resend(email);
      return post('/v1/password/forgot/verify', { flow_token, code: 'AAAA-AAAA' });
    };
    expect(await compare(everybody(), late)).toEqual([everybody()]);
  });

  test('asking twice: the older flow of each is dead', async () => {
    const answers = await compare(everybody(), async (email) => {
      appliance.clock.advance(25 * 3_600_000);
      const { flow_token } = (await forgot(email)).body;
      await forgot(email);
      return post('/v1/password/forgot/verify', { flow_token, code: 'AAAA-AAAA' });
    });
    expect(answers).toEqual([everybody()]);
  });
});

describe('registering', () => {
  const mailed = () => everybody().filter((name) => emails[name]!.endsWith('@example.com'));

  test('a new and a taken address: alike, and so is each later step of their flows', async () => {
    appliance.clock.advance(25 * 3_600_000);
    const register = (email: string) => post('/v1/register', { email, password: PASSWORD });
    const verify = async (email: string) => {
      const { flow_token } = (await register(email)).body;
      return post('/v1/verify', { flow_token, code: 'AAAA-AAAA' });
    };
    const resend = async (email: string) => {
      const { flow_token } = (await register(email)).body;
      return post('/v1/verify/resend', { flow_token });
    };
    for (const ask of [register, verify, resend]) {
      emails['unknown'] = newAddress();
      const answers = await compare(mailed(), ask);
      expect(answers).toEqual([mailed()]);
    }
  });
});

test('a new address of a signed-in user, free or taken: alike', async () => {
  const { token } = await createAccount(appliance);
  const free = await appliance.call('/v1/me/email', {
    token,
    body: { new_email: newAddress(), password: PASSWORD },
  });
  const taken = await appliance.call('/v1/me/email', {
    token,
    body: { new_email: emails['known'], password: PASSWORD },
  });
  expect(maskAnswer(taken)).toEqual(maskAnswer(free));
});
