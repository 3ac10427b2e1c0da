import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createAccount, newAddress, OTHER_PASSWORD, PASSWORD } from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';

const WRONG = 'not my password at all';

/** Few of everything, so that little is asked; the Guardian stands aside. */
const SETTINGS = {
  AUTHCTL_LIMITS: 'on',
  AUTHCTL_IP_RATE: '100000',
  AUTHCTL_IP_BURST: '100000',
  AUTHCTL_IP_HASH_RATE: '100000',
  AUTHCTL_IP_HASH_BURST: '100000',
  AUTHCTL_HASH_QUEUE: '1000',
  AUTHCTL_TRUSTED_PROXIES: '127.0.0.1/32',
  AUTHCTL_LOGIN_TRIES: '2',
  AUTHCTL_LOGIN_WINDOW: '40s',
  AUTHCTL_LOGIN_MAX_WAIT: '60s',
  AUTHCTL_LOGIN_EMAIL_BUDGET: '5',
  AUTHCTL_LOGIN_KNOWN_NETWORK_TTL: '2m',
  AUTHCTL_FLOW_TRIES: '3',
  AUTHCTL_FLOW_WINDOW: '20s',
  AUTHCTL_FACTOR_TRIES: '2',
  AUTHCTL_FACTOR_WINDOW: '45s',
};

let appliance: TestAppliance;
let networks = 0;

beforeAll(async () => {
  appliance = await startAppliance({ env: SETTINGS });
});
afterAll(() => appliance.stop());

/** A client network nobody has come from before. */
function newNetwork(): string {
  networks += 1;
  return `10.0.${networks}.7`;
}

function logIn(email: string, password: string, ip: string): Promise<Answer> {
  const headers = { 'X-Forwarded-For': ip };
  return appliance.call('/v1/login', { body: { email, password }, headers });
}

function expectRefused({ status, headers }: Answer, policy: string): void {
  expect(status).toBe(429);
  expect(headers.get('ratelimit-policy')).toBe(policy);
}

test('login.tries, login.window, login.max_wait: two tries, then 40 s, and never more than 60 s', async () => {
  const email = newAddress();
  const ip = newNetwork();
  const guess = () => logIn(email, WRONG, ip);
  const fillUp = async () => {
    for (const answer of [await guess(), await guess()]) expect(answer.status).toBe(401);
    const refused = await guess();
    expectRefused(refused, '"login";q=2;w=40');
    return Number(refused.headers.get('retry-after'));
  };
  const first = await fillUp();
  expect(first).toBeGreaterThan(10);
  expect(first).toBeLessThanOrEqual(40);
  appliance.clock.advance(41_000);
  // It would be twice the window.
  const second = await fillUp();
  expect(second).toBeGreaterThan(40);
  expect(second).toBeLessThanOrEqual(60);
});

test('login.email_budget, login.known_network_ttl: a network is known for two minutes', async () => {
  const { email } = await createAccount(appliance);
  const home = newNetwork();
  expect((await logIn(email, PASSWORD, home)).status).toBe(200);
  for (let count = 0; count < 5; count += 1)
    expect((await logIn(email, WRONG, newNetwork())).status).toBe(401);
  expectRefused(await logIn(email, WRONG, newNetwork()), '"login-everywhere";q=5;w=3600');
  expect((await logIn(email, PASSWORD, home)).status).toBe(200);
  appliance.clock.advance(3 * 60_000);
  expectRefused(await logIn(email, PASSWORD, home), '"login-everywhere";q=5;w=3600');
});

test('flow.tries, flow.window: three requests with a flow token in 20 s', async () => {
  const body = { email: newAddress(), password: PASSWORD };
  const { flow_token } = (await appliance.call('/v1/register', { body })).body;
  const resend = () => appliance.call('/v1/verify/resend', { body: { flow_token } });
  expect((await resend()).status).toBe(200);
  for (const answer of [await resend(), await resend()])
    expect(answer.body.code).toBe('flow_expired');
  expectRefused(await resend(), '"flow";q=3;w=20');
  appliance.clock.advance(21_000);
  expect((await resend()).body.code).toBe('flow_expired');
});

test('factor.tries, factor.window: two wrong passwords of a session in 45 s', async () => {
  const { token } = await createAccount(appliance);
  const body = { current_password: WRONG, new_password: OTHER_PASSWORD };
  const guess = () => appliance.call('/v1/me/password', { token, body });
  for (const answer of [await guess(), await guess()])
    expect(answer.body.code).toBe('invalid_credentials');
  expectRefused(await guess(), '"factor";q=2;w=45');
  appliance.clock.advance(46_000);
  expect((await guess()).body.code).toBe('invalid_credentials');
});

describe('a client network', () => {
  /** How many of so many requests at once are admitted. */
  async function admitted(node: TestAppliance, path: string, body?: object): Promise<number> {
    const ask = () => node.call(path, body ? { body } : {});
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    return answers.filter(({ status }) => status !== 429).length;
  }

  test('ip.burst, ip.rate, ip.hash_burst, ip.hash_rate: what it may do at once, and after a while', async () => {
    const env = {
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_IP_BURST: '15',
      AUTHCTL_IP_RATE: '1',
      AUTHCTL_IP_HASH_BURST: '9',
      AUTHCTL_IP_HASH_RATE: '2',
      AUTHCTL_LOGIN_TRIES: '1000',
    };
    const guarded = await startAppliance({ beside: appliance, env });
    onTestFinished(() => guarded.stop());
    const guess = { email: newAddress(), password: WRONG };
    // What takes its time gives back a request or two.
    const few = (count: number) => [count, count + 1, count + 2, count + 3];
    expect(few(9)).toContain(await admitted(guarded, '/v1/login', guess));
    expect(few(6)).toContain(await admitted(guarded, '/v1/keys'));
    appliance.clock.advance(2_000);
    expect(few(2)).toContain(await admitted(guarded, '/v1/keys'));
    appliance.clock.advance(20_000);
    await admitted(guarded, '/v1/login', guess);
    appliance.clock.advance(2_000);
    expect(few(2)).toContain(await admitted(guarded, '/v1/login', guess));
  });
});
