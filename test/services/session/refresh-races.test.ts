import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { QUICK_SIGN_IN, refresh, signUp, statusOfMe } from '../../support/sign-in.ts';

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
