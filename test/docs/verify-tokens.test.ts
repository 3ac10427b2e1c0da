import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTokenVerifier, type TokenVerifierOptions } from '../../examples/verify-token.ts';
import { signAccessToken, signingKeyFromSeed } from '../../src/crypto/access-token.ts';
import { randomBytes, uuidv7 } from '../../src/crypto/random.ts';
import { packageRoot } from '../../src/lib/package-root.ts';
import { cliActor } from '../../src/services/audit/actor.ts';
import { retireKey, rotateSigning } from '../../src/services/key/rotate.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { QUICK_SIGN_IN, type SignedIn, signInAgain, signUp } from '../support/sign-in.ts';

const MINUTE_MS = 60_000;
const actor = cliActor('tester');

let node: TestAppliance;
let user: SignedIn;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
  user = await signUp(node);
});
afterAll(() => node.stop());

/** The example, as an application on a machine whose clock is right would use it. */
function verifier(changes: Partial<TokenVerifierOptions> = {}) {
  const { issuer } = node.core;
  return createTokenVerifier({ url: node.url, issuer, now: node.clock.now, ...changes });
}

const freshToken = async () => (await signInAgain(node, user)).access;

function rotate(graceMs = 60 * MINUTE_MS) {
  const { db, clock, masters } = node.core;
  const deps = { db, clock, actor, loadMasters: masters.load };
  return rotateSigning(deps, { graceMs, dryRun: false });
}

async function retire(kid: string): Promise<void> {
  const { db, clock } = node.core;
  await retireKey({ db, clock, actor }, kid, { dryRun: false });
  node.core.keys.invalidate();
}

/** How often the appliance has been asked for its keys. */
async function askedForKeys(): Promise<number> {
  const metrics = await node.api.metrics.expose();
  const line = /^authctl_http_requests_total\{route="GET \/v1\/keys",status="200"\} (\d+)$/m;
  return Number(line.exec(metrics)?.[1] ?? 0);
}

/** Like one of ours, by a key that was never published. */
async function strangersToken(): Promise<string> {
  const now = node.clock.now();
  return signAccessToken(await signingKeyFromSeed(randomBytes(32)), {
    issuer: node.core.issuer,
    subject: user.userId,
    sessionId: user.sessionId,
    tokenId: uuidv7(now.getTime()),
    role: 'admin',
    amr: ['pwd'],
    issuedAt: now,
    expiresAt: new Date(now.getTime() + MINUTE_MS),
  });
}

test('the document shows the example as it is', () => {
  const read = (...path: string[]) => readFileSync(join(packageRoot(), ...path), 'utf8');
  const shown = /```ts\n([\s\S]*?)```/.exec(read('docs', 'verify-tokens.md'))?.[1];
  expect(shown).toBe(read('examples', 'verify-token.ts'));
});

describe('a token', () => {
  test('of a signed-in user gives its claims', async () => {
    const verify = verifier();
    expect(await verify(await freshToken())).toMatchObject({
      iss: node.core.issuer,
      sub: user.userId,
      sid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
      role: 'user',
      amr: ['pwd'],
    });
  });

  test('that has expired is refused', async () => {
    const verify = verifier();
    const token = await freshToken();
    node.clock.advance(14 * MINUTE_MS);
    expect(await verify(token)).not.toBeNull();
    node.clock.advance(2 * MINUTE_MS);
    expect(await verify(token)).toBeNull();
  });

  test('of which any character is another is refused', async () => {
    const verify = verifier();
    const token = await freshToken();
    const changed = [...token].map((character, at) => {
      const other = character === 'A' ? 'B' : 'A';
      return `${token.slice(0, at)}${other}${token.slice(at + 1)}`;
    });
    const answers = await Promise.all(changed.map(verify));
    expect(answers.filter((claims) => claims !== null)).toEqual([]);
    expect(await verify(token)).not.toBeNull();
  });

  test('of another issuer, or for another audience, is refused', async () => {
    const token = await freshToken();
    expect(await verifier({ issuer: 'urn:authctl:another' })(token)).toBeNull();
    expect(await verifier({ audience: 'shop' })(token)).toBeNull();
    const shop = await startAppliance({
      env: { ...QUICK_SIGN_IN, AUTHCTL_AUDIENCE: 'shop' },
      beside: node,
    });
    try {
      const { access } = await signInAgain(shop, user);
      expect(await verifier({ audience: 'shop' })(access)).toMatchObject({ aud: 'shop' });
      expect(await verifier({ audience: 'bank' })(access)).toBeNull();
    } finally {
      await shop.stop();
    }
  });

  test('that is no access token at all is refused', async () => {
    const verify = verifier();
    const [version, purpose, body] = (await freshToken()).split('.');
    const texts = ['', 'x', 'v4.public.', `${version}.${purpose}.${body}`, 'v4.public.AAAA.e30'];
    for (const text of [...texts, user.refresh, `v4.public.${'A'.repeat(100_000)}`])
      expect(await verify(text)).toBeNull();
  });
});

describe('keys', () => {
  test('are asked for once a minute, however many tokens come', async () => {
    const verify = verifier();
    const token = await freshToken();
    const before = await askedForKeys();
    const answers = await Promise.all(Array.from({ length: 50 }, () => verify(token)));
    expect(answers).not.toContain(null);
    expect(await askedForKeys()).toBe(before + 1);
    node.clock.advance(MINUTE_MS);
    await Promise.all(Array.from({ length: 50 }, () => verify(token)));
    expect(await askedForKeys()).toBe(before + 2);
  });

  test('of strangers are asked for once in five seconds at most', async () => {
    const verify = verifier();
    await verify(await freshToken());
    const before = await askedForKeys();
    const strangers = await Promise.all(Array.from({ length: 20 }, strangersToken));
    for (const stranger of strangers) expect(await verify(stranger)).toBeNull();
    expect(await askedForKeys()).toBe(before);
    node.clock.advance(5_000);
    expect(await Promise.all(strangers.map(verify))).toEqual(strangers.map(() => null));
    expect(await askedForKeys()).toBe(before + 1);
  });

  test('rotated once are known already; rotated twice are found at the first token', async () => {
    const verify = verifier();
    const old = await freshToken();
    await verify(old);
    const before = await askedForKeys();
    await rotate();
    node.core.keys.invalidate();
    expect(await verify(await freshToken())).not.toBeNull();
    expect(await askedForKeys()).toBe(before);
    await rotate();
    node.core.keys.invalidate();
    node.clock.advance(5_000);
    expect(await verify(await freshToken())).not.toBeNull();
    expect(await askedForKeys()).toBe(before + 1);
    expect(await verify(old)).not.toBeNull();
  });

  test('that are retired are refused within a minute', async () => {
    const verify = verifier();
    const token = await freshToken();
    const { previous_kid } = await rotate();
    expect(await verify(token)).not.toBeNull();
    await retire(previous_kid);
    node.clock.advance(MINUTE_MS);
    expect(await verify(token)).toBeNull();
  });

  test('whose grace is over are refused at once, without asking', async () => {
    const verify = verifier();
    const token = await freshToken();
    await rotate(10_000);
    node.core.keys.invalidate();
    expect(await verify(token)).not.toBeNull();
    const before = await askedForKeys();
    node.clock.advance(10_000);
    expect(await verify(token)).toBeNull();
    expect(await askedForKeys()).toBe(before);
  });

  test('stay good for ten minutes while authctl is away; then it is an error, not a refusal', async () => {
    const second = await startAppliance({ env: QUICK_SIGN_IN, beside: node });
    const verify = verifier({ url: second.url });
    const token = await freshToken();
    expect(await verify(token)).not.toBeNull();
    await second.stop();
    node.clock.advance(9 * MINUTE_MS);
    expect(await verify(token)).not.toBeNull();
    node.clock.advance(MINUTE_MS);
    await expect(verify(token)).rejects.toThrow('no current keys');
  });
});

test('what local verification cannot know: that the session has ended', async () => {
  const verify = verifier();
  const token = await freshToken();
  expect((await node.call('/v1/logout', { token, method: 'POST' })).status).toBe(204);
  expect(await verify(token)).not.toBeNull();
  expect((await node.call('/v1/me', { token })).status).toBe(401);
});
