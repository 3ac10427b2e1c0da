import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { type PostgresProxy, startPostgresProxy } from '../../support/postgres-proxy.ts';
import { QUICK_SIGN_IN, refresh, signUp, statusOfMe } from '../../support/sign-in.ts';

let direct: TestAppliance;
let proxy: PostgresProxy;
let node: TestAppliance;

beforeAll(async () => {
  direct = await startAppliance({ env: QUICK_SIGN_IN });
  proxy = await startPostgresProxy(direct.core.store.connectionString);
  const env = { ...QUICK_SIGN_IN, AUTHCTL_DATABASE_URL: proxy.connectionString };
  node = await startAppliance({ env, beside: direct });
});
afterAll(async () => {
  await node.stop();
  await proxy.close();
  await direct.stop();
});

test('refreshes whose commits lost their answers: each retry gets the successor, and every session lives', async () => {
  const users = await Promise.all(Array.from({ length: 20 }, () => signUp(direct)));
  const lostBefore = proxy.lost();
  proxy.loseAnswers('sessions.rotate_free', 2);
  const first = await Promise.all(users.map((user) => refresh(node, user.refresh)));
  expect(proxy.lost() - lostBefore).toBe(2);
  const cut = first.filter(({ status }) => status !== 200);
  expect(cut.length).toBeGreaterThan(0);
  for (const answer of cut) {
    expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('1');
  }
  // Committed all the same: the retry is one of a token that was just used.
  const counters = await direct.sql('SELECT DISTINCT counter FROM sessions');
  expect(counters).toEqual([{ counter: 1 }]);

  for (const user of users) {
    const again = await refresh(node, user.refresh);
    expect(again.status).toBe(200);
    expect(await statusOfMe(node, again.body.tokens.access_token)).toBe(200);
    expect((await refresh(node, again.body.tokens.refresh_token)).status).toBe(200);
  }
});

test('a logout whose commit lost its answer is answered 503, and has happened', async () => {
  const { access, refresh: token } = await signUp(direct);
  expect(await statusOfMe(node, access)).toBe(200);
  proxy.loseAnswers('COMMIT', 1);
  const answer = await node.call('/v1/logout', { method: 'POST', token: access });
  expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  expect((await refresh(direct, token)).status).toBe(401);
  node.clock.advance(501);
  expect(await statusOfMe(node, access)).toBe(401);
});
