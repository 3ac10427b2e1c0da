import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Db, Queryable } from '../../../src/db/database.ts';
import { createAuthenticator } from '../../../src/services/session/authenticate.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { QUICK_SIGN_IN, type SignedIn, signUp } from '../../support/sign-in.ts';

/** Reads of the state that take their time: what they saw may be history when it arrives. */
const MAX_AGE_MS = 500;

let node: TestAppliance;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
});
afterAll(() => node.stop());

/** An authenticator whose next read of the database has looked, and answers when it is let go. */
function createHeldAuthenticator() {
  const { db, clock, keys, issuer } = node.core;
  const held = Promise.withResolvers<void>();
  let hasLooked = false;
  const query: Queryable['query'] = async (what, values) => {
    const rows = await db.query<never>(what, values);
    hasLooked = true;
    await held.promise;
    return rows;
  };
  const slow: Db = { ...db, query };
  const authenticator = createAuthenticator({
    db: slow,
    clock,
    keys,
    issuer,
    audience: undefined,
    stateMaxAgeMs: MAX_AGE_MS,
  });
  return {
    ...authenticator,
    letGo: held.resolve,
    looked: () => eventually('the state has been read', () => hasLooked),
  };
}

const endByHand = ({ sessionId }: SignedIn) =>
  node.sql(`UPDATE sessions SET ended_at = now(), end_reason = 'logout' WHERE id = $1`, [
    sessionId,
  ]);

test('what was being read while this process ended the session is kept for nobody after', async () => {
  const user = await signUp(node);
  const { authenticate, forget, looked, letGo } = createHeldAuthenticator();
  const underWay = authenticate(user.access);
  await looked();
  await endByHand(user);
  forget(user.sessionId);
  letGo();
  await underWay;
  await expect(authenticate(user.access)).rejects.toMatchObject({ code: 'invalid_token' });
});

test('the age of a state counts from before it was read', async () => {
  const user = await signUp(node);
  const { authenticate, looked, letGo } = createHeldAuthenticator();
  const underWay = authenticate(user.access);
  await looked();
  await endByHand(user);
  node.clock.advance(MAX_AGE_MS);
  letGo();
  await underWay;
  await expect(authenticate(user.access)).rejects.toMatchObject({ code: 'invalid_token' });
});
