import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import {
  PASSWORD,
  QUICK_SIGN_IN,
  refresh,
  type SignedIn,
  signInAgain,
  signUp,
  statusOfMe,
} from '../../support/sign-in.ts';

let node: TestAppliance;

beforeAll(async () => {
  node = await startAppliance({
    env: { ...QUICK_SIGN_IN, AUTHCTL_TRUSTED_PROXIES: '127.0.0.0/8' },
  });
});
afterAll(() => node.stop());

async function list({ access }: Pick<SignedIn, 'access'>): Promise<Record<string, unknown>[]> {
  const { status, body } = await node.call('/v1/me/sessions', { token: access });
  expect(status).toBe(200);
  return body.sessions;
}

function end(sessionId: string, { access }: Pick<SignedIn, 'access'>) {
  return node.call(`/v1/me/sessions/${sessionId}`, { method: 'DELETE', token: access });
}

describe('the list', () => {
  test('shows each device with its name, agent, address and times, and marks the one that asks', async () => {
    const first = await signUp(node, {
      deviceName: 'Ada’s laptop',
      headers: { 'User-Agent': 'Example/1.0', 'X-Forwarded-For': '203.0.113.7' },
    });
    const second = await signInAgain(node, first);
    const sessions = await list(second);
    expect(sessions.map(({ id, current }) => [id, current])).toEqual([
      [second.sessionId, true],
      [first.sessionId, false],
    ]);
    expect(sessions[1]).toMatchObject({
      device_name: 'Ada’s laptop',
      user_agent: 'Example/1.0',
      ip: '203.0.113.7',
    });
    const { created_at, last_used_at, expires_at } = sessions[1] as Record<string, string>;
    expect(last_used_at).toBe(created_at);
    expect(Date.parse(expires_at!) - Date.parse(created_at!)).toBe(30 * 86_400_000);
    expect((await list(first)).find(({ current }) => current)?.['id']).toBe(first.sessionId);
  });

  test('an IPv6 client and an address with a port are kept as addresses', async () => {
    for (const [given, kept] of [
      ['2001:db8::1', '2001:db8::1'],
      ['::ffff:203.0.113.9', '203.0.113.9'],
    ]) {
      const user = await signUp(node, { headers: { 'X-Forwarded-For': given! } });
      expect((await list(user))[0]).toMatchObject({ ip: kept });
    }
  });

  test('a refresh moves the last use and the address, not the start or the end', async () => {
    const user = await signUp(node);
    const [before] = (await list(user)) as [Record<string, string>];
    node.clock.advance(60_000);
    const { body } = await node.call('/v1/token/refresh', {
      body: { refresh_token: user.refresh },
      headers: { 'X-Forwarded-For': '203.0.113.8' },
    });
    const [after] = (await list({ access: body.tokens.access_token })) as [Record<string, string>];
    expect(after).toMatchObject({ created_at: before.created_at, expires_at: before.expires_at });
    expect(after.ip).toBe('203.0.113.8');
    expect(Date.parse(after.last_used_at!)).toBeGreaterThan(Date.parse(before.last_used_at!));
  });

  test('ended and expired sessions are not in it', async () => {
    const user = await signUp(node);
    const second = await signInAgain(node, user);
    expect((await end(user.sessionId, second)).status).toBe(204);
    expect((await list(second)).map(({ id }) => id)).toEqual([second.sessionId]);
    await node.sql(`UPDATE sessions SET expires_at = now() - interval '1 s' WHERE id = $1`, [
      second.sessionId,
    ]);
    node.clock.advance(501);
    expect(await statusOfMe(node, second.access)).toBe(401);
  });
});

describe('somebody else’s session', () => {
  test('cannot be ended: 404, the same as for one that never was, and no effect', async () => {
    const ada = await signUp(node);
    const eve = await signUp(node);
    for (const id of [ada.sessionId, '0190a0a0-0000-7000-8000-000000000000']) {
      const answer = await end(id, eve);
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
    expect(await statusOfMe(node, ada.access)).toBe(200);
    expect((await refresh(node, ada.refresh)).status).toBe(200);
    expect((await list(eve)).map(({ id }) => id)).toEqual([eve.sessionId]);
  });

  test('ids that are none are refused before anything is looked up', async () => {
    const user = await signUp(node);
    for (const id of ['1', user.sessionId.toUpperCase(), `${user.sessionId}%00`, "'; --", '..'])
      expect([404, 422]).toContain((await end(id, user)).status);
    const stranger = await node.call('/v1/me/sessions/1', { method: 'DELETE' });
    expect(stranger.status, 'who asks comes first').toBe(401);
    expect(await statusOfMe(node, user.access)).toBe(200);
  });
});

test('ending one’s own current session is a logout; a second end finds nothing', async () => {
  const user = await signUp(node);
  expect((await end(user.sessionId, user)).status).toBe(204);
  expect(await statusOfMe(node, user.access)).toBe(401);
  const again = await signInAgain(node, user);
  expect((await end(user.sessionId, again)).status).toBe(404);
});

test('of 10 parallel ends of one session one succeeds, and it is audited once', async () => {
  const user = await signUp(node);
  const other = await signInAgain(node, user);
  const answers = await Promise.all(Array.from({ length: 10 }, () => end(other.sessionId, user)));
  expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 404)).toHaveLength(9);
  const audits = await node.sql<Record<string, unknown>>(
    `SELECT actor_kind, actor_id, detail, ip FROM audit WHERE action = 'session.ended' AND user_id = $1`,
    [user.userId],
  );
  expect(audits).toEqual([
    {
      actor_kind: 'user',
      actor_id: user.userId,
      detail: { session_id: other.sessionId, reason: 'ended_by_user' },
      ip: '127.0.0.1',
    },
  ]);
});

test('every sign-in makes a session of its own; an id or token the caller brings is never adopted', async () => {
  const user = await signUp(node);
  const planted = user.sessionId;
  const { body } = await node.call('/v1/login', {
    body: { email: user.email, password: PASSWORD },
    token: user.access,
    headers: { Cookie: `session_id=${planted}`, 'X-Session-Id': planted },
  });
  expect(body.tokens.session_id).not.toBe(planted);
  const withField = await node.call('/v1/login', {
    body: { email: user.email, password: PASSWORD, session_id: planted },
  });
  expect(withField.status).toBe(422);
});

test('logout needs a good token, and ends nothing but its own session', async () => {
  const user = await signUp(node);
  const second = await signInAgain(node, user);
  expect((await node.call('/v1/logout', { method: 'POST' })).status).toBe(401);
  const withBody = await node.call('/v1/logout', {
    body: { refresh_token: second.refresh },
    token: user.access,
  });
  expect(withBody.status).toBe(422);
  expect(await statusOfMe(node, user.access)).toBe(200);
  expect((await node.call('/v1/logout', { method: 'POST', token: user.access })).status).toBe(204);
  expect(await statusOfMe(node, second.access)).toBe(200);
  expect((await node.call('/v1/logout', { method: 'POST', token: user.access })).status).toBe(401);
});

test('a user has 100 sessions at most: a sign-in ends the one that was not used for longest', async () => {
  const oldest = await signUp(node);
  const kept = await signInAgain(node, oldest);
  await addSessions(oldest.userId, 98);
  expect(await list(kept)).toHaveLength(100);
  const answers = await Promise.all(Array.from({ length: 3 }, () => signInAgain(node, oldest)));
  const newest = await signInAgain(node, oldest);
  const left = (await list(newest)).map(({ id }) => id);
  expect(left).toHaveLength(100);
  for (const { sessionId } of answers) expect(left).toContain(sessionId);
  expect(left).not.toContain(oldest.sessionId);
  expect((await refresh(node, oldest.refresh)).status).toBe(401);
  const dropped = await node.sql(
    `SELECT 1 FROM audit
     WHERE user_id = $1 AND action = 'session.ended'
       AND detail = jsonb_build_object('session_id', $2::text, 'reason', 'too_many')`,
    [oldest.userId, oldest.sessionId],
  );
  expect(dropped).toHaveLength(1);
});

test('a sign-in that cannot end another session is one all the same; the next makes room', async () => {
  const user = await signUp(node);
  await addSessions(user.userId, 99);
  await node.sql(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$`,
  );
  await node.sql(
    `CREATE TRIGGER refuse BEFORE UPDATE ON sessions FOR EACH ROW
     WHEN (NEW.end_reason = 'too_many') EXECUTE FUNCTION refuse()`,
  );
  const more = await signInAgain(node, user);
  expect(await list(more)).toHaveLength(101);
  await node.sql('DROP FUNCTION refuse CASCADE');
  expect(await list(await signInAgain(node, user))).toHaveLength(100);
});

/** Sessions whose tokens nobody has. */
async function addSessions(userId: string, count: number): Promise<void> {
  await node.sql(
    `INSERT INTO sessions (id, user_id, secret_digest, created_at, last_used_at, expires_at)
     SELECT gen_random_uuid(), $1, decode(repeat('00', 32), 'hex'), $2, $2, $2::timestamptz + interval '1 d'
     FROM generate_series(1, $3)`,
    [userId, node.clock.now(), count],
  );
}
