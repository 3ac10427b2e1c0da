import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/services/audit/actor.ts';
import {
  createAccount,
  enableTotp,
  isSignedIn,
  logIn,
  newAddress,
  PASSWORD,
  signIn,
} from '../support/accounts.ts';
import { codeFor, type MailedAppliance, startMailedAppliance } from '../support/mailbox.ts';

const PUBLIC_URL = 'http://auth.example.com/base';
let appliance: MailedAppliance;

beforeAll(async () => {
  appliance = await startMailedAppliance({ env: { AUTHCTL_PUBLIC_URL: PUBLIC_URL } });
});
afterAll(() => appliance.stop());

const register = (email: string, password = PASSWORD) =>
  appliance.call('/v1/register', { body: { email, password } });
const verify = (flow_token: string, code: string) =>
  appliance.call('/v1/verify', { body: { flow_token, code } });
const resend = (flow_token: string) =>
  appliance.call('/v1/verify/resend', { body: { flow_token } });

test('a new account proves its mailbox with the mailed code and is signed in', async () => {
  const email = newAddress();
  const registered = await register(email);
  expect(registered.status).toBe(202);
  expect(registered.body).toEqual({
    status: 'verification_required',
    flow_token: expect.stringMatching(/^ft_/),
    expires_at: expect.any(String),
    delivery: { channel: 'email', to: 'p•••@example.com' },
  });
  const lifetimeMs = Date.parse(registered.body.expires_at) - appliance.clock.now().getTime();
  expect(lifetimeMs / 60_000).toBeCloseTo(10, 0);

  const code = await codeFor(appliance, email, 'verify_email');
  expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  const verified = await verify(registered.body.flow_token, code);
  expect(verified).toMatchObject({
    status: 200,
    body: { status: 'authenticated', user: { email, status: 'active', email_verified: true } },
  });
  expect(await isSignedIn(appliance, verified.body.tokens.access_token)).toBe(true);
  expect(await logIn(appliance, { email })).toMatchObject({ body: { status: 'authenticated' } });

  const subjects = (await appliance.mailsTo(email)).map(({ mail, to }) => [mail.subject, to]);
  expect(subjects).toHaveLength(2);
  for (const [subject, to] of subjects) {
    expect(subject).not.toContain(code);
    expect(to).toEqual([email]);
  }
});

test.each([
  ['lower case', (code: string) => code.toLowerCase()],
  ['without its hyphen', (code: string) => code.replace('-', '')],
  ['blanks around it', (code: string) => ` ${code} `],
])('the code is accepted in %s', async (_, retype) => {
  const email = newAddress();
  const { flow_token } = (await register(email)).body;
  const code = await codeFor(appliance, email, 'verify_email');
  expect((await verify(flow_token, retype(code))).status).toBe(200);
});

test('a taken address gets the same answer; its owner gets a mail, its flow opens for no code', async () => {
  const owner = await createAccount(appliance);
  const stranger = await register(owner.email, 'another long password of mine');
  expect(stranger).toMatchObject({ status: 202, body: { status: 'verification_required' } });

  const mails = (await appliance.mailsTo(owner.email)).map(({ mail }) => mail.text ?? '');
  expect(mails).toHaveLength(3);
  expect(mails[2]).not.toMatch(/[0-9A-Z]{4}-[0-9A-Z]{4}/);
  const owners = await codeFor(appliance, owner.email, 'verify_email');
  expect((await verify(stranger.body.flow_token, owners)).body.code).toBe('invalid_code');
  expect((await logIn(appliance, owner)).body.status).toBe('authenticated');
  const taken = await logIn(appliance, {
    email: owner.email,
    password: 'another long password of mine',
  });
  expect(taken.body.code).toBe('invalid_credentials');
});

test('an unverified account that signs in is mailed another code', async () => {
  const email = newAddress();
  const first = (await register(email)).body.flow_token;
  const firstCode = await codeFor(appliance, email, 'verify_email');
  const asked = await logIn(appliance, { email });
  expect(asked).toMatchObject({ status: 200, body: { status: 'verification_required' } });
  const code = await codeFor(appliance, email, 'verify_email');
  expect(code).not.toBe(firstCode);

  expect((await verify(asked.body.flow_token, code)).body.status).toBe('authenticated');
  expect((await verify(first, firstCode)).body.code).toBe('flow_expired');
  expect((await logIn(appliance, { email })).body.status).toBe('authenticated');
});

test('resend: a new code under a new token, the old ones are dead', async () => {
  const email = newAddress();
  const first = (await register(email)).body.flow_token;
  const firstCode = await codeFor(appliance, email, 'verify_email');
  const again = await resend(first);
  expect(again).toMatchObject({ status: 200, body: { status: 'verification_required' } });
  const code = await codeFor(appliance, email, 'verify_email');

  expect((await verify(first, firstCode)).body.code).toBe('flow_expired');
  expect((await verify(first, code)).body.code).toBe('flow_expired');
  expect((await resend(first)).body.code).toBe('flow_expired');
  expect((await verify(again.body.flow_token, firstCode)).body.code).toBe('invalid_code');
  expect((await verify(again.body.flow_token, code)).body.status).toBe('authenticated');
});

test('resend of a taken address behaves alike, and mails nobody', async () => {
  const owner = await createAccount(appliance);
  const decoy = (await register(owner.email)).body.flow_token;
  const before = (await appliance.mailsTo(owner.email)).length;
  const again = await resend(decoy);
  expect(again.body).toEqual({
    status: 'verification_required',
    flow_token: expect.stringMatching(/^ft_/),
    expires_at: expect.any(String),
    delivery: { channel: 'email', to: 'p•••@example.com' },
  });
  expect((await resend(decoy)).body.code).toBe('flow_expired');
  expect((await verify(decoy, 'AAAA-AAAA')).body.code).toBe('flow_expired');
  for (let attempt = 0; attempt < 5; attempt += 1)
    expect((await verify(again.body.flow_token, 'AAAA-AAAA')).body.code).toBe('invalid_code');
  expect((await verify(again.body.flow_token, 'AAAA-AAAA')).body.code).toBe('flow_expired');
  expect(await appliance.mailsTo(owner.email)).toHaveLength(before);
});

test('an account of a domain without verification that signs in later under one with it is asked', async () => {
  const domain = 'changing.example';
  const { domains } = appliance.core;
  await domains.add(SYSTEM_ACTOR, { name: domain, trust: true, verification: 'none' });
  appliance.clock.advance(1_000);
  const email = newAddress(domain);
  expect((await register(email)).body.status).toBe('registered');
  expect((await logIn(appliance, { email })).body.status).toBe('authenticated');
  await domains.set(SYSTEM_ACTOR, domain, 'email_code');
  appliance.clock.advance(1_000);
  const asked = await logIn(appliance, { email });
  expect(asked.body.status).toBe('verification_required');
  const code = await codeFor(appliance, email, 'verify_email');
  expect((await verify(asked.body.flow_token, code)).body).toMatchObject({
    status: 'authenticated',
    user: { email_verified: true },
  });
});

test('a waiting account of a domain that no longer asks is active with its first sign-in, and says so', async () => {
  const domain = 'trusting.example';
  const { domains } = appliance.core;
  await domains.add(SYSTEM_ACTOR, { name: domain, trust: true, verification: 'email_code' });
  appliance.clock.advance(1_000);
  const email = newAddress(domain);
  expect((await register(email)).body.status).toBe('verification_required');
  await domains.set(SYSTEM_ACTOR, domain, 'none');
  appliance.clock.advance(1_000);
  expect((await logIn(appliance, { email })).body).toMatchObject({
    status: 'authenticated',
    user: { status: 'active', email_verified: false },
  });
});

test('a waiting account whose domain was removed still has its mailbox to prove', async () => {
  const domain = 'removed.example';
  const { domains } = appliance.core;
  await domains.add(SYSTEM_ACTOR, { name: domain, trust: true, verification: 'email_code' });
  appliance.clock.advance(1_000);
  const email = newAddress(domain);
  await register(email);
  await domains.remove(SYSTEM_ACTOR, domain);
  appliance.clock.advance(1_000);
  expect((await logIn(appliance, { email })).body.status).toBe('verification_required');
});

test('a second factor does not stand in for a mailbox that is to be proved first', async () => {
  const domain = 'stricter.example';
  const { domains } = appliance.core;
  await domains.add(SYSTEM_ACTOR, { name: domain, trust: true, verification: 'none' });
  appliance.clock.advance(1_000);
  const email = newAddress(domain);
  await register(email);
  const { token } = await signIn(appliance, { email });
  await enableTotp(appliance, { token, password: PASSWORD });
  await domains.set(SYSTEM_ACTOR, domain, 'email_code');
  appliance.clock.advance(1_000);
  expect((await logIn(appliance, { email })).body.status).toBe('verification_required');
});

test.each(['locked', 'disabled'] as const)(
  'an account that was %s before its mailbox was proved is no more proved when that is lifted',
  async (status) => {
    const email = newAddress();
    const { flow_token } = (await register(email)).body;
    const code = await codeFor(appliance, email, 'verify_email');
    const { users } = appliance.api.services;
    const { id } = await users.resolve(email);
    await users.change(SYSTEM_ACTOR, id, { status });
    await users.change(SYSTEM_ACTOR, id, { status: status === 'locked' ? 'disabled' : 'locked' });
    await users.change(SYSTEM_ACTOR, id, { status: 'active' });
    expect(await users.get(id)).toMatchObject({ status: 'pending', email_verified: false });
    // Said once more, as by whoever has lost the answer.
    await users.change(SYSTEM_ACTOR, id, { status: 'active' });
    expect((await users.get(id)).status).toBe('pending');
    expect((await verify(flow_token, code)).body.code).toBe('flow_expired');

    const asked = await logIn(appliance, { email });
    const proof = await codeFor(appliance, email, 'verify_email');
    expect((await verify(asked.body.flow_token, proof)).body).toMatchObject({
      user: { status: 'active', email_verified: true },
    });
    await users.change(SYSTEM_ACTOR, id, { status });
    await users.change(SYSTEM_ACTOR, id, { status: 'active' });
    expect((await users.get(id)).status).toBe('active');
  },
);

describe('the link in a mail', () => {
  interface Forged {
    readonly path: string;
    readonly body: object;
    readonly token?: string;
  }

  /** A request as no browser of ours would send it: all that names a host is the attacker's. */
  function sendAs(host: string, { path, body, token }: Forged, isAbsolute: boolean) {
    const text = JSON.stringify(body);
    const headers = {
      Host: host,
      'X-Forwarded-Host': host,
      'X-Forwarded-Proto': 'gopher',
      'X-Forwarded-Port': '6666',
      Forwarded: `host=${host};proto=gopher`,
      Referer: `http://${host}/`,
      Origin: `http://${host}`,
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    };
    return new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(appliance.url);
      const target = isAbsolute ? `http://${host}${path}` : path;
      const options = { hostname, port, path: target, method: 'POST', headers };
      const sent = request(options, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on('error', reject);
      sent.end(text);
    });
  }

  /** Whatever has a mail with a link sent, and to whom. */
  const MAILED: Record<string, () => Promise<Forged & { readonly to: string }>> = {
    async 'a registration'() {
      const to = newAddress();
      return { to, path: '/v1/register', body: { email: to, password: PASSWORD } };
    },
    async 'a code once more'() {
      const to = newAddress();
      const { flow_token } = (await register(to)).body;
      return { to, path: '/v1/verify/resend', body: { flow_token } };
    },
    async 'a sign-in of who is not verified'() {
      const to = newAddress();
      await register(to);
      return { to, path: '/v1/login', body: { email: to, password: PASSWORD } };
    },
    async 'a forgotten password'() {
      const { email: to } = await createAccount(appliance);
      return { to, path: '/v1/password/forgot', body: { email: to } };
    },
    async 'a new address'() {
      const { token } = await createAccount(appliance);
      const to = newAddress();
      return { to, token, path: '/v1/me/email', body: { new_email: to, password: PASSWORD } };
    },
  };
  const HOSTS = ['evil.example', 'auth.example.com@evil.example', 'evil.example:80'];

  test.each(Object.keys(MAILED))(
    'points where the configuration says, whatever the request says: %s',
    async (what) => {
      for (const host of HOSTS)
        for (const isAbsolute of [true, false]) {
          const { to, ...forged } = await MAILED[what]!();
          expect(await sendAs(host, forged, isAbsolute)).toBeOneOf([200, 202]);
          const { mail, raw } = (await appliance.mailsTo(to)).at(-1)!;
          const links = `${mail.text} ${mail.html}`.match(/https?:[^\s"<>]+/g) ?? [];
          expect(links.length).toBeGreaterThan(0);
          for (const link of links) expect(link).toMatch(/^http:\/\/auth\.example\.com\/base\//);
          expect(raw).not.toContain('evil');
        }
    },
  );

  test('may be opened ten times by whoever scans mails; the code still works, once', async () => {
    const email = newAddress();
    const { flow_token } = (await register(email)).body;
    const code = await codeFor(appliance, email, 'verify_email');
    for (let index = 0; index < 10; index += 1) {
      const page = await fetch(`${appliance.url}/code`);
      expect(page.status).toBe(200);
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    }
    expect((await verify(flow_token, code)).status).toBe(200);
    expect((await verify(flow_token, code)).body.code).toBe('flow_expired');
  });
});
