import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Queryable } from '../../../src/db/database.ts';
import {
  endSessions,
  endSessionsOfEveryone,
  endUnusedSessions,
  MOST_SESSIONS,
} from '../../../src/services/session/end.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { lockRow } from '../../support/lock.ts';
import { QUICK_SIGN_IN, signUp } from '../../support/sign-in.ts';

const EXTRA = 20;

let node: TestAppliance;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
});
afterAll(() => node.stop());

/** More sessions than a user may have (`EXTRA`); those with the highest ids come first in the table. */
async function crowdedUser(): Promise<{ userId: string; ids: string[] }> {
  const { userId } = await signUp(node);
  await node.sql('DELETE FROM sessions');
  const rows = await node.sql<{ id: string }>(
    `INSERT INTO sessions (id, user_id, secret_digest, created_at, last_used_at, expires_at)
     SELECT gen_random_uuid(), $1, sha256('x'), now(), now(), now() + interval '1 day'
     FROM generate_series(1, $2::int) ORDER BY 1 DESC RETURNING id`,
    [userId, MOST_SESSIONS + EXTRA],
  );
  return { userId, ids: rows.map(({ id }) => id).toReversed() };
}

const WAITERS = `SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%end_reason%'`;

/** Who ends many sessions, and how many of the user's, from the lowest id up. */
const WAYS: [string, number, (tx: Queryable, userId: string) => Promise<string[]>][] = [
  [
    'all of a user',
    MOST_SESSIONS + EXTRA,
    (tx, userId) =>
      endSessions(tx, node.core.events, { userId, at: node.clock.now(), reason: 'logout_all' }),
  ],
  [
    'those not used for longest',
    EXTRA,
    (tx, userId) => endUnusedSessions(tx, node.core.events, { userId, at: node.clock.now() }),
  ],
  [
    'everyone’s',
    MOST_SESSIONS + EXTRA,
    (tx) =>
      endSessionsOfEveryone(tx, node.core.events, {
        after: null,
        limit: MOST_SESSIONS + EXTRA,
        at: node.clock.now(),
      }),
  ],
];

// Of two that lock the same rows in different orders, PostgreSQL ends one: a sign-in answered 503 for it.
test.each(WAYS)(
  'to end sessions, %s, takes them in the order of their ids',
  async (_, count, end) => {
    const { userId, ids } = await crowdedUser();
    const lowest = await lockRow(node.core.store.connectionString, 'sessions', ids[0]!);
    const ending = node.core.db.transaction((tx) => end(tx, userId));
    await eventually('it waits for the lowest', async () => (await node.sql(WAITERS)).length === 1);
    const isFree = 'SELECT id FROM sessions WHERE id = $1 FOR UPDATE SKIP LOCKED';
    expect(await node.sql(isFree, [ids[count - 1]])).toHaveLength(1);
    await lowest.release();
    expect(new Set(await ending)).toEqual(new Set(ids.slice(0, count)));
  },
);
