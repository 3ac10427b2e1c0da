import { createHmac, sign } from 'node:crypto';
import { PAE } from 'paseto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SigningKey, signingKeyFromSeed } from '../../src/crypto/access-token.ts';
import { randomBytes } from '../../src/crypto/random.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { QUICK_SIGN_IN, type SignedIn, signUp, statusOfMe } from '../support/sign-in.ts';

let node: TestAppliance;
let user: SignedIn;
let key: SigningKey;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
  user = await signUp(node);
  key = (await node.core.keys.ring()).signing;
});
afterAll(() => node.stop());

const inMinutes = (minutes: number) =>
  new Date(node.clock.now().getTime() + minutes * 60_000).toISOString();

/** The claims of a good token, in the order we write them. */
function goodClaims(): Record<string, unknown> {
  const [, , body = ''] = user.access.split('.');
  return JSON.parse(Buffer.from(body, 'base64url').subarray(0, -64).toString('utf8'));
}

interface Forged {
  /** The whole payload; that of the good token with `changes` when absent. */
  readonly payload?: string;
  readonly changes?: Record<string, unknown>;
  readonly footer?: Uint8Array;
  readonly signer?: SigningKey;
  readonly header?: string;
  readonly implicit?: string;
}

/** Signs with this installation's own key what our own signer would never make. */
async function forge(forged: Forged): Promise<string> {
  const { changes = {}, signer = key, header = 'v4.public.', implicit = '' } = forged;
  const { payload = JSON.stringify({ ...goodClaims(), ...changes }) } = forged;
  const { footer = key.verify.footer } = forged;
  const message = Buffer.from(payload);
  const input = PAE([Buffer.from(header), message, footer, Buffer.from(implicit)]);
  const signature = sign(null, input, signer.secretKey);
  const body = Buffer.concat([message, signature]).toString('base64url');
  return `${header}${body}.${Buffer.from(footer).toString('base64url')}`;
}

async function expectRefused(tokens: Iterable<string>): Promise<void> {
  const refused = { status: 401, body: { code: 'invalid_token' } };
  for (const token of tokens) {
    const answer = await node.call('/v1/me', { token });
    expect(answer, token.slice(0, 80)).toMatchObject(refused);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  }
}

test('the forger of these tests can make a good token: what it changes is what is refused', async () => {
  expect(await statusOfMe(node, await forge({}))).toBe(200);
  expect(await statusOfMe(node, user.access)).toBe(200);
});

describe('spelling', () => {
  test('a token has one spelling: no padding, no other alphabet, no loose bits, nothing around it', async () => {
    const [version, purpose, body = '', footer = ''] = user.access.split('.');
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const loosen = (text: string) =>
      alphabet[alphabet.indexOf(text.at(-1)!) ^ 1] === undefined
        ? text
        : text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1)!) ^ 1];
    const head = `${version}.${purpose}`;
    await expectRefused([
      `${user.access}=`,
      `${user.access}==`,
      `${user.access}.`,
      `${user.access}.e30`,
      `${head}.${body}=.${footer}`,
      `${head}.${body}`,
      `${head}.${body}.`,
      `${head}..${footer}`,
      `${head}.${body}.${loosen(footer)}`,
      `${head}.${loosen(body)}.${footer}`,
      `V4.public.${body}.${footer}`,
      `v4.Public.${body}.${footer}`,
      `v4.public.${body.replaceAll('-', '+').replaceAll('_', '/')}+.${footer}`,
      `.${user.access}`,
    ]);
    expect(await statusOfMe(node, user.access)).toBe(200);
  });

  test('no bit of a token can be flipped', async () => {
    const [version, purpose, body = '', footer = ''] = user.access.split('.');
    const flip = (text: string) => {
      const bytes = Buffer.from(text, 'base64url');
      return Array.from({ length: bytes.length * 8 }, (_, bit) => {
        const copy = Buffer.from(bytes);
        copy[bit >> 3]! ^= 1 << (bit & 7);
        return copy.toString('base64url');
      });
    };
    const tokens = [
      ...flip(body).map((flipped) => `${version}.${purpose}.${flipped}.${footer}`),
      ...flip(footer).map((flipped) => `${version}.${purpose}.${body}.${flipped}`),
    ];
    expect(tokens.length).toBeGreaterThan(3_000);
    const codes = new Set<string>();
    for (let at = 0; at < tokens.length; at += 100) {
      const batch = tokens.slice(at, at + 100).map((token) => node.call('/v1/me', { token }));
      for (const { status, body: problem } of await Promise.all(batch))
        codes.add(`${status} ${problem.code} ${Object.keys(problem).join()}`);
    }
    expect([...codes]).toEqual(['401 invalid_token type,title,status,detail,instance,code']);
  });

  test('the scheme is Bearer, a blank, and the token; nothing else is looked at', async () => {
    for (const authorization of [
      user.access,
      `Bearer\t${user.access}`,
      `Bearer${user.access}`,
      `Bearer ${user.access} `.padEnd(1_000, 'x'),
      `Basic ${user.access}`,
      `Bearer ${user.access},Bearer ${user.access}`,
      'Bearer ',
      `Bearer ${'a'.repeat(8_000)}`,
    ]) {
      const { status } = await node.call('/v1/me', { headers: { Authorization: authorization } });
      expect(status, authorization.slice(0, 20)).toBe(401);
    }
  });

  test('a token in the query string or in a cookie is none', async () => {
    const query = await node.call(`/v1/me?access_token=${user.access}&token=${user.access}`);
    expect([401, 422]).toContain(query.status);
    const cookie = await node.call('/v1/me', {
      headers: { Cookie: `access_token=${user.access}; token=${user.access}` },
    });
    expect(cookie.status).toBe(401);
    const header = await node.call('/v1/me', {
      headers: { 'X-User-Id': user.userId, 'X-Role': 'admin', 'X-Jti': user.sessionId },
    });
    expect(header.status).toBe(401);
  });
});

describe('version and purpose', () => {
  test('other PASETO versions and purposes, and JSON web tokens, are refused', async () => {
    const [, , body = '', footer = ''] = user.access.split('.');
    const segment = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const unsigned = `${segment({ alg: 'none', typ: 'JWT' })}.${segment(goodClaims())}.`;
    const hmacInput = `${segment({ alg: 'HS256', kid: key.kid })}.${segment(goodClaims())}`;
    const hmac = createHmac('sha256', key.publicKey).update(hmacInput).digest('base64url');
    await expectRefused([
      ...['v1', 'v2', 'v3', 'v5'].map((version) => `${version}.public.${body}.${footer}`),
      ...['v1', 'v2', 'v3', 'v4'].map((version) => `${version}.local.${body}.${footer}`),
      await forge({ header: 'v2.public.' }),
      await forge({ header: 'v3.public.' }),
      unsigned,
      `${hmacInput}.${hmac}`,
    ]);
  });

  test('a signature with an implicit assertion, or of another key under our kid, is refused', async () => {
    const stranger = await signingKeyFromSeed(randomBytes(32));
    await expectRefused([
      await forge({ implicit: 'anything' }),
      await forge({ signer: stranger }),
      await forge({ signer: stranger, footer: stranger.verify.footer }),
    ]);
  });
});

describe('claims, each forged with the right key', () => {
  test('issuer and audience', async () => {
    await expectRefused([
      await forge({ changes: { iss: 'urn:authctl:somebody-else' } }),
      await forge({ changes: { iss: undefined } }),
      await forge({ changes: { iss: [goodClaims()['iss']] } }),
    ]);
    const picky = await startAppliance({
      env: { ...QUICK_SIGN_IN, AUTHCTL_AUDIENCE: 'shop' },
      beside: node,
    });
    try {
      const withAudience = await signUp(picky);
      expect(await statusOfMe(picky, withAudience.access)).toBe(200);
      expect(await statusOfMe(picky, user.access)).toBe(401);
      for (const aud of ['other', ['shop'], ''])
        expect(await statusOfMe(picky, await forge({ changes: { aud } }))).toBe(401);
    } finally {
      await picky.stop();
    }
  });

  test('times: exp is needed and has no leeway; nbf and iat may be 60 s ahead; no odd dates', async () => {
    expect(await statusOfMe(node, await forge({ changes: { nbf: inMinutes(0.9) } }))).toBe(200);
    await expectRefused([
      await forge({ changes: { exp: undefined } }),
      await forge({ changes: { exp: inMinutes(-0.001) } }),
      await forge({ changes: { exp: '9999-12-31T23:59:59Z' } }),
      await forge({ changes: { exp: inMinutes(60 * 25) } }),
      await forge({ changes: { exp: Math.floor(Date.now() / 1_000) + 600 } }),
      await forge({ changes: { exp: 'tomorrow' } }),
      await forge({ changes: { exp: null } }),
      await forge({ changes: { nbf: inMinutes(2) } }),
      await forge({ changes: { iat: inMinutes(2) } }),
      await forge({ changes: { iat: undefined } }),
      await forge({ changes: { nbf: undefined } }),
      await forge({ changes: { nbf: '2020-13-45T00:00:00Z' } }),
    ]);
  });

  test('a signed token whose session is of somebody else, of nobody, or whose role is not the user’s', async () => {
    const other = await signUp(node);
    await expectRefused([
      await forge({ changes: { sub: other.userId } }),
      await forge({ changes: { sid: other.sessionId } }),
      await forge({ changes: { sid: '0190a0a0-0000-7000-8000-000000000000' } }),
      await forge({ changes: { role: 'admin' } }),
      await forge({ changes: { sid: undefined } }),
      await forge({ changes: { sub: `${user.userId}'--` } }),
    ]);
  });

  test('payloads that are no claims', async () => {
    await expectRefused(
      await Promise.all(
        ['', 'null', '[]', '"text"', '{}', '{', '{"exp":1}', '\u0000'].map((payload) =>
          forge({ payload }),
        ),
      ),
    );
  });
});

describe('footer', () => {
  test('only the one form we write; its kid is a name, never a key or a path', async () => {
    const stranger = await signingKeyFromSeed(randomBytes(32));
    const footer = (value: unknown) => Buffer.from(JSON.stringify(value));
    const footers = [
      Buffer.alloc(0),
      footer({}),
      footer({ kid: stranger.kid }),
      footer({ kid: key.paserk }),
      footer({ kid: stranger.paserk, jwk: stranger.paserk }),
      footer({ kid: key.kid, extra: 1 }),
      Buffer.from(`{"kid":"${stranger.kid}","kid":"${key.kid}"}`),
      Buffer.from(` ${JSON.stringify({ kid: key.kid })}`),
      footer({ kid: [key.kid] }),
      footer({ kid: '../../etc/passwd' }),
      footer({ kid: `${key.kid}' OR '1'='1` }),
      footer(Array.from({ length: 50 }, () => key.kid)),
    ];
    await expectRefused(await Promise.all(footers.map((bytes) => forge({ footer: bytes }))));
  });

  test('unknown kids in any number cost no error and leave the good ones alone', async () => {
    const strangers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const signer = await signingKeyFromSeed(randomBytes(32));
        return forge({ signer, footer: signer.verify.footer });
      }),
    );
    const answers = await Promise.all(strangers.map((token) => statusOfMe(node, token)));
    expect(new Set(answers)).toEqual(new Set([401]));
    expect(await statusOfMe(node, user.access)).toBe(200);
  });
});
