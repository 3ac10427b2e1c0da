import { afterAll, beforeAll, expect, test } from 'vitest';
import { SYSTEM_ACTOR } from '../../../src/services/audit/actor.ts';
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

/** Races of which a single round proves little: many rounds, several of them at a time. */
const LANES = 5;

let node: TestAppliance;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
});
afterAll(() => node.stop());

async function repeat(rounds: number, round: () => Promise<void>): Promise<void> {
  const lane = async () => {
    for (let done = 0; done < rounds / LANES; done += 1) await round();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function refreshOften(token: string, times: number) {
  return Array.from({ length: times }, () => refresh(node, token));
}

test.each([
  [10, 50],
  [100, 200],
])(
  '%i callers of one token, %i times: always one successor, and the session lives',
  async (callers, rounds) => {
    await repeat(rounds, async () => {
      const user = await signUp(node);
      const answers = await Promise.all(refreshOften(user.refresh, callers));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      const successors = new Set(answers.map(({ body }) => body.tokens.refresh_token));
      expect(successors.size).toBe(1);
      const [successor = ''] = successors;
      expect(successor).not.toBe(user.refresh);
      expect((await refresh(node, successor)).status).toBe(200);
    });
  },
  300_000,
);

test.each([
  [4, 50],
  [50, 500],
])(
  '%i refreshes racing a logout, %i times: nothing they issued ever works after its 204',
  async (callers, rounds) => {
    let issuedRounds = 0;
    await repeat(rounds, async () => {
      const user = await signUp(node);
      const before = refreshOften(user.refresh, callers / 2);
      const logout = node.call('/v1/logout', { method: 'POST', token: user.access });
      const after = refreshOften(user.refresh, callers / 2);
      expect((await logout).status).toBe(204);
      expect(await statusOfMe(node, user.access)).toBe(401);
      const answers = await Promise.all([...before, ...after]);
      const issued = new Map(
        answers.flatMap(({ status, body }) =>
          status === 200 ? [[body.tokens.refresh_token, body.tokens.access_token]] : [],
        ),
      );
      issuedRounds += issued.size;
      for (const [refreshToken, accessToken] of issued) {
        expect(await statusOfMe(node, accessToken)).toBe(401);
        expect((await refresh(node, refreshToken)).status).toBe(401);
      }
    });
    // A race that the logout always won would prove nothing.
    expect(issuedRounds).toBeGreaterThan(0);
  },
  300_000,
);

/** The other ways a session ends, each true once it is done. */
const ENDS: Readonly<Record<string, (user: SignedIn) => Promise<boolean>>> = {
  'a logout everywhere': async ({ access }) =>
    (await node.call('/v1/logout/all', { method: 'POST', token: access })).status === 204,
  'its end from the list': async ({ access, sessionId }) => {
    const path = `/v1/me/sessions/${sessionId}`;
    return (await node.call(path, { method: 'DELETE', token: access })).status === 204;
  },
  'a new password, set from another session': async (user) => {
    const { access } = await signInAgain(node, user);
    const body = { current_password: PASSWORD, new_password: 'seven green parrots at noon' };
    return (await node.call('/v1/me/password', { token: access, body })).status === 204;
  },
  'the end of the account, by its owner': async ({ access }) => {
    const body = { password: PASSWORD };
    const answer = await node.call('/v1/me', { method: 'DELETE', token: access, body });
    return answer.status === 204;
  },
  'a lock': async ({ userId }) => {
    const { users } = node.api.services;
    await users.change(SYSTEM_ACTOR, userId, { status: 'locked' });
    // What was issued before does not come back with the account either.
    await users.change(SYSTEM_ACTOR, userId, { status: 'active' });
    return true;
  },
  'a change of role': async ({ userId }) => {
    await node.api.services.users.change(SYSTEM_ACTOR, userId, { role: 'admin' });
    return true;
  },
  'an operator’s end of all its sessions': async ({ userId }) => {
    await node.api.services.users.sessions.endAll(SYSTEM_ACTOR, userId);
    return true;
  },
};

test.each(Object.keys(ENDS))(
  'refreshes racing %s: nothing they issued ever works afterwards',
  async (name) => {
    let issued = 0;
    await repeat(20, async () => {
      const user = await signUp(node);
      let isOver = false;
      const ended = ENDS[name]!(user).finally(() => {
        isOver = true;
      });
      const given = [{ refresh: user.refresh, access: user.access }];
      while (!isOver) {
        const { status, body } = await refresh(node, given.at(-1)!.refresh);
        if (status !== 200) break;
        const { refresh_token, access_token } = body.tokens;
        given.push({ refresh: refresh_token, access: access_token });
      }
      expect(await ended).toBe(true);
      issued += given.length - 1;
      // The newest first: an older one would end the session by being used again.
      for (const { refresh: refreshToken, access } of given.toReversed()) {
        expect(await statusOfMe(node, access)).toBe(401);
        expect((await refresh(node, refreshToken)).status).toBe(401);
      }
    });
    // A race that the end always won would prove nothing.
    expect(issued).toBeGreaterThan(0);
  },
  60_000,
);
