import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mintRefreshToken, readRefreshToken } from '../../../src/crypto/refresh-token.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { lockRow } from '../../support/lock.ts';
import {
  QUICK_SIGN_IN,
  refresh,
  type SignedIn,
  signUp,
  statusOfMe,
} from '../../support/sign-in.ts';

const ENV = { ...QUICK_SIGN_IN, AUTHCTL_EVENTS_STDOUT: 'on' };
const DAY_MS = 86_400_000;

let node: TestAppliance;

beforeAll(async () => {
  node = await startAppliance({ env: ENV });
});
afterAll(() => node.stop());

/** Uses a token that must be good. */
async function rotate(token: string, on = node): Promise<{ access: string; refresh: string }> {
  const { status, body } = await refresh(on, token);
  expect(status).toBe(200);
  return { access: body.tokens.access_token, refresh: body.tokens.refresh_token };
}

async function expectEnded({ sessionId }: SignedIn, reason: string): Promise<void> {
  const rows = await node.sql<{ end_reason: string }>(
    'SELECT end_reason FROM sessions WHERE id = $1',
    [sessionId],
  );
  expect(rows).toEqual([{ end_reason: reason }]);
}

const invalid = { status: 401, body: { code: 'invalid_refresh_token' } };

describe('one token, many callers', () => {
  test('100 parallel callers of one token get one successor, and the session lives', async () => {
    const user = await signUp(node);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => refresh(node, user.refresh)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const pairs = new Set(answers.map(({ body }) => JSON.stringify(body.tokens)));
    expect(pairs.size).toBe(1);
    const { tokens } = answers[0]!.body;
    expect(tokens.refresh_token).not.toBe(user.refresh);
    expect(await statusOfMe(node, tokens.access_token)).toBe(200);
    await rotate(tokens.refresh_token);
  });

  test('also when they come through two nodes', async () => {
    const other = await startAppliance({ env: ENV, beside: node });
    try {
      const user = await signUp(node);
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, index) => refresh(index % 2 ? node : other, user.refresh)),
      );
      expect(new Set(answers.map(({ body }) => JSON.stringify(body.tokens))).size).toBe(1);
      await rotate(answers[0]!.body.tokens.refresh_token, other);
    } finally {
      await other.stop();
    }
  });

  test('of 20 parallel replays of an old token all are refused, and the reuse is recorded once', async () => {
    const user = await signUp(node);
    const second = await rotate(user.refresh);
    await rotate(second.refresh);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => refresh(node, user.refresh)),
    );
    for (const answer of answers) expect(answer).toMatchObject(invalid);
    const audits = await node.sql(
      `SELECT 1 FROM audit WHERE action = 'session.reuse_detected' AND user_id = $1`,
      [user.userId],
    );
    expect(audits).toHaveLength(1);
  });
});

test('a session that somebody else is changing keeps only its own refresh waiting', async () => {
  const users = await Promise.all(Array.from({ length: 20 }, () => signUp(node)));
  const held = users[7]!;
  const lock = await lockRow(node.core.store.connectionString, 'sessions', held.sessionId);
  const waiting = refresh(node, held.refresh);
  try {
    const others = users.filter((user) => user !== held);
    const answers = await Promise.all(others.map((user) => refresh(node, user.refresh)));
    expect(answers.map(({ status }) => status)).toEqual(others.map(() => 200));
    expect(new Set(answers.map(({ body }) => body.tokens.session_id)).size).toBe(others.length);
  } finally {
    await lock.release();
  }
  expect((await waiting).status).toBe(200);
});

test('twenty users of two nodes refresh at the same time, each many times: each gets its own', async () => {
  const other = await startAppliance({ env: ENV, beside: node });
  try {
    const users = await Promise.all(Array.from({ length: 20 }, () => signUp(node)));
    const chains = users.map(async ({ refresh: first, sessionId }, index) => {
      let token = first;
      for (let round = 0; round < 8; round += 1) {
        const { status, body } = await refresh((index + round) % 2 ? node : other, token);
        expect({ status, session: body.tokens?.session_id }).toEqual({
          status: 200,
          session: sessionId,
        });
        token = body.tokens.refresh_token;
      }
    });
    await Promise.all(chains);
  } finally {
    await other.stop();
  }
});

describe('a lost answer', () => {
  test('is given again to the parent while its successor is unused: the identical pair', async () => {
    const user = await signUp(node);
    const first = await refresh(node, user.refresh);
    node.clock.advance(29_000);
    const again = await refresh(node, user.refresh);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(first.body);
    await rotate(again.body.tokens.refresh_token);
  });

  test('after the successor was used, the parent ends the whole session', async () => {
    const user = await signUp(node);
    const second = await rotate(user.refresh);
    const third = await rotate(second.refresh);
    expect(await refresh(node, user.refresh)).toMatchObject(invalid);
    expect(await refresh(node, third.refresh)).toMatchObject(invalid);
    await expectEnded(user, 'reuse_detected');
  });

  test('two rotations within one second are told apart: order is a counter, not a time', async () => {
    const user = await signUp(node);
    const second = await rotate(user.refresh);
    const third = await rotate(second.refresh);
    const fourth = await rotate(third.refresh);
    // The grandparent, though it was used a moment ago.
    expect(await refresh(node, second.refresh)).toMatchObject(invalid);
    expect(await refresh(node, fourth.refresh)).toMatchObject(invalid);
  });

  test('after the grace, the parent ends the whole session', async () => {
    const user = await signUp(node);
    const second = await rotate(user.refresh);
    node.clock.advance(30_001);
    expect(await refresh(node, user.refresh)).toMatchObject(invalid);
    expect(await refresh(node, second.refresh)).toMatchObject(invalid);
    await expectEnded(user, 'reuse_detected');
  });

  test('with a grace of 0 every second use ends the session', async () => {
    const strict = await startAppliance({
      env: { ...ENV, AUTHCTL_REFRESH_GRACE: '0s' },
      beside: node,
    });
    try {
      const user = await signUp(strict);
      const second = await rotate(user.refresh, strict);
      expect(await refresh(strict, user.refresh)).toMatchObject(invalid);
      expect(await refresh(strict, second.refresh)).toMatchObject(invalid);
    } finally {
      await strict.stop();
    }
  });
});

describe('reuse', () => {
  test('ends access tokens too, on a node started afterwards, and is audited and announced', async () => {
    const user = await signUp(node);
    const second = await rotate(user.refresh);
    const third = await rotate(second.refresh);
    expect(await refresh(node, user.refresh)).toMatchObject(invalid);

    const restarted = await startAppliance({ env: ENV, beside: node });
    try {
      for (const token of [user.refresh, second.refresh, third.refresh])
        expect(await refresh(restarted, token)).toMatchObject(invalid);
      for (const token of [user.access, second.access, third.access])
        expect(await statusOfMe(restarted, token)).toBe(401);
    } finally {
      await restarted.stop();
    }
    const [audit] = await node.sql<Record<string, unknown>>(
      `SELECT result, ip, detail FROM audit WHERE action = 'session.reuse_detected' AND user_id = $1`,
      [user.userId],
    );
    expect(audit).toMatchObject({
      result: 'refused',
      ip: '127.0.0.1',
      detail: { session_id: user.sessionId, presented: 0, current: 2 },
    });
    const events = await node.sql<Record<string, unknown>>(
      `SELECT payload FROM events WHERE type = 'session.reuse_detected' AND user_id = $1`,
      [user.userId],
    );
    expect(events).toEqual([{ payload: { session_id: user.sessionId } }]);
  });

  test('a counter ahead of the stored one, as after a restored backup, ends the session', async () => {
    const user = await signUp(node);
    const second = await rotate(user.refresh);
    const third = await rotate(second.refresh);
    await node.sql('UPDATE sessions SET counter = 1 WHERE id = $1', [user.sessionId]);
    expect(await refresh(node, third.refresh)).toMatchObject(invalid);
    await expectEnded(user, 'reuse_detected');
    expect(await refresh(node, second.refresh)).toMatchObject(invalid);
  });

  test('a right MAC around another secret opens nothing and ends nothing', async () => {
    const user = await signUp(node);
    const { refresh: set } = await node.core.keys.ring();
    const token = readRefreshToken(set.byKid, user.refresh)!;
    const forged = mintRefreshToken(set.active, { ...token, secret: Buffer.alloc(16, 7) });
    expect(await refresh(node, forged)).toMatchObject(invalid);
    await rotate(user.refresh);
  });
});

describe('what a refresh reads anew', () => {
  test('the role, so that a new access token never carries an old one', async () => {
    const user = await signUp(node);
    await node.sql(`UPDATE users SET role = 'admin' WHERE id = $1`, [user.userId]);
    const { access } = await rotate(user.refresh);
    expect(await node.call('/v1/me', { token: access })).toMatchObject({
      status: 200,
      body: { role: 'admin' },
    });
  });

  test.each(['locked', 'disabled'])('the status: a %s user cannot refresh', async (status) => {
    const user = await signUp(node);
    await node.sql('UPDATE users SET status = $2 WHERE id = $1', [user.userId, status]);
    expect(await refresh(node, user.refresh)).toMatchObject(invalid);
    expect(await statusOfMe(node, user.access)).toBe(401);
  });

  test('the user: a deleted one has no sessions', async () => {
    const user = await signUp(node);
    await node.sql('DELETE FROM users WHERE id = $1', [user.userId]);
    expect(await refresh(node, user.refresh)).toMatchObject(invalid);
  });
});

test('the absolute lifetime ends a session however often it was refreshed', async () => {
  const short = await startAppliance({
    env: { ...ENV, AUTHCTL_REFRESH_TTL: '10d', AUTHCTL_ACCESS_TTL: '24h' },
    beside: node,
  });
  try {
    const user = await signUp(short);
    let token = user.refresh;
    let access = user.access;
    for (let day = 1; day < 10; day += 1) {
      node.clock.advance(DAY_MS);
      const { body } = await refresh(short, token);
      token = body.tokens.refresh_token;
      access = body.tokens.access_token;
    }
    // The last access token does not outlive the session either.
    node.clock.advance(DAY_MS / 2);
    const { body } = await refresh(short, token);
    const { access_token_expires_at, refresh_token_expires_at } = body.tokens;
    expect(access_token_expires_at).toBe(refresh_token_expires_at);
    node.clock.advance(DAY_MS / 2);
    expect(await refresh(short, body.tokens.refresh_token)).toMatchObject(invalid);
    expect(await statusOfMe(short, access)).toBe(401);
    expect(await statusOfMe(short, body.tokens.access_token)).toBe(401);
  } finally {
    await short.stop();
  }
});

test('a session refreshes 10 times a minute, then 429 with the time to wait, and nothing is lost', async () => {
  const limited = await startAppliance({
    env: { ...ENV, AUTHCTL_LIMITS: 'on', AUTHCTL_IP_RATE: '10000', AUTHCTL_IP_BURST: '10000' },
    beside: node,
  });
  try {
    const user = await signUp(limited);
    let token = user.refresh;
    for (let use = 0; use < 10; use += 1) token = (await rotate(token, limited)).refresh;
    const refusals = await Promise.all(Array.from({ length: 5 }, () => refresh(limited, token)));
    for (const { status, body, headers } of refusals) {
      expect({ status, code: body.code }).toEqual({ status: 429, code: 'rate_limited' });
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(50);
      expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
    }
    node.clock.advance(60_000);
    await rotate(token, limited);
  } finally {
    await limited.stop();
  }
});

test('every bit flip of a token, other lengths and other kinds are refused', async () => {
  const user = await signUp(node);
  const bytes = Buffer.from(user.refresh.slice(3), 'base64url');
  const flipped = Array.from({ length: bytes.length * 8 }, (_, bit) => {
    const copy = Buffer.from(bytes);
    copy[bit >> 3]! ^= 1 << (bit & 7);
    return `rt_${copy.toString('base64url')}`;
  });
  const others = [
    '',
    'rt_',
    user.refresh.slice(0, -1),
    `${user.refresh}A`,
    `${user.refresh}=`,
    user.refresh.toUpperCase(),
    user.refresh.replace('rt_', 'ft_'),
    user.access.slice(0, 256),
  ];
  for (const batch of chunks([...flipped, ...others], 50)) {
    const answers = await Promise.all(batch.map((token) => refresh(node, token)));
    for (const answer of answers) expect(answer).toMatchObject(invalid);
  }
  await rotate(user.refresh);
});

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
