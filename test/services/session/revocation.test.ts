import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endSessions } from '../../../src/services/session/end.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import {
  QUICK_SIGN_IN,
  refresh,
  type SignedIn,
  signInAgain,
  signUp,
  statusOfMe,
} from '../../support/sign-in.ts';

/** What the product promises, and what a busy machine may add to a poll of it. */
const PROMISED_MS = 1_000;
const POLL_ALLOWANCE_MS = 2_000;

let here: TestAppliance;
let there: TestAppliance;

beforeAll(async () => {
  here = await startAppliance({ env: QUICK_SIGN_IN });
  there = await startAppliance({ env: QUICK_SIGN_IN, beside: here });
});
afterAll(async () => {
  await there.stop();
  await here.stop();
});

/** A user whose session both nodes have just looked at, so that both have it cached. */
async function knownUser(): Promise<SignedIn> {
  const user = await signUp(here);
  expect(await statusOfMe(here, user.access)).toBe(200);
  expect(await statusOfMe(there, user.access)).toBe(200);
  return user;
}

/** The other node refuses in time: its cache is half a second deep, and no feed tells it anything. */
async function expectRefusedThere(access: string): Promise<void> {
  await eventually(
    'the other node refuses',
    async () => (await statusOfMe(there, access)) === 401,
    PROMISED_MS + POLL_ALLOWANCE_MS,
  );
}

describe('what happens on one node is refused on the other within a second', () => {
  test('logout', async () => {
    const user = await knownUser();
    expect((await here.call('/v1/logout', { method: 'POST', token: user.access })).status).toBe(
      204,
    );
    expect(await statusOfMe(here, user.access)).toBe(401);
    await expectRefusedThere(user.access);
    expect((await refresh(there, user.refresh)).status).toBe(401);
  });

  test('logout everywhere, of all sessions and of nobody else’s', async () => {
    const user = await knownUser();
    const second = await signInAgain(there, user);
    const bystander = await knownUser();
    const { status } = await there.call('/v1/logout/all', { method: 'POST', token: second.access });
    expect(status).toBe(204);
    for (const { access, refresh: token } of [user, second]) {
      await expectRefusedThere(access);
      expect((await refresh(here, token)).status).toBe(401);
    }
    expect(await statusOfMe(there, bystander.access)).toBe(200);
  });

  test('the end of one session from the list', async () => {
    const user = await knownUser();
    const second = await signInAgain(here, user);
    const path = `/v1/me/sessions/${user.sessionId}`;
    expect((await here.call(path, { method: 'DELETE', token: second.access })).status).toBe(204);
    await expectRefusedThere(user.access);
    expect(await statusOfMe(there, second.access)).toBe(200);
  });

  test.each([
    ['a lock', `UPDATE users SET status = 'locked' WHERE id = $1`],
    ['a disablement', `UPDATE users SET status = 'disabled' WHERE id = $1`],
    ['a change of role', `UPDATE users SET role = 'admin' WHERE id = $1`],
    ['a deletion', 'DELETE FROM users WHERE id = $1'],
    ['the end of the row', 'DELETE FROM sessions WHERE user_id = $1'],
  ])('%s, even one made by hand in the database', async (_, sql) => {
    const user = await knownUser();
    await here.sql(sql, [user.userId]);
    await expectRefusedThere(user.access);
  });

  test('sessions ended by a service', async () => {
    const user = await knownUser();
    const { db, events, clock } = here.core;
    const ended = await endSessions(db, events, {
      userId: user.userId,
      at: clock.now(),
      reason: 'password_changed',
    });
    expect(ended).toEqual([user.sessionId]);
    await expectRefusedThere(user.access);
    expect((await refresh(there, user.refresh)).status).toBe(401);
  });
});

test('a locked user who is unlocked again has the sessions that nobody ended', async () => {
  const user = await knownUser();
  await here.sql(`UPDATE users SET status = 'locked' WHERE id = $1`, [user.userId]);
  await expectRefusedThere(user.access);
  await here.sql(`UPDATE users SET status = 'active' WHERE id = $1`, [user.userId]);
  await eventually(
    'the session works again',
    async () => (await statusOfMe(there, user.access)) === 200,
  );
});

test('a token verified from the cache of signatures expires like any other', async () => {
  const user = await knownUser();
  here.clock.advance(14 * 60_000);
  expect(await statusOfMe(there, user.access)).toBe(200);
  here.clock.advance(60_000);
  expect(await statusOfMe(there, user.access)).toBe(401);
  expect(await statusOfMe(here, user.access)).toBe(401);
  expect((await refresh(here, user.refresh)).status).toBe(200);
});

test('while the database cannot be asked the answer is 503, never an old 200', async () => {
  const user = await knownUser();
  const lonely = await startAppliance({
    env: { ...QUICK_SIGN_IN, AUTHCTL_DATABASE_STATEMENT_TIMEOUT: '500ms' },
    beside: here,
  });
  try {
    expect(await statusOfMe(lonely, user.access)).toBe(200);
    await here.core.db.transaction(async (tx) => {
      await tx.execute({ name: '', text: 'LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE' });
      here.clock.advance(501);
      const answer = await lonely.call('/v1/me', { token: user.access });
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    });
  } finally {
    await lonely.stop();
  }
  expect(await statusOfMe(here, user.access)).toBe(200);
});
