import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Argon2Engine } from '../../../src/crypto/argon2/engine.ts';
import { nodeRsEngine } from '../../../src/crypto/argon2/node-rs.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { createWorkshop, type Workshop } from './workshop.ts';

let appliance: TestAppliance;

beforeEach(async () => {
  appliance = await startAppliance();
});
afterEach(() => appliance.stop());

const unhurried = new AbortController().signal;
const pendingCount = async () => (await appliance.core.status()).pending_hashes;

/** Drains until nothing can be claimed; how many rows it hardened. */
async function drainAll({ drain }: Workshop, limit: number): Promise<number> {
  let total = 0;
  for (;;) {
    const { claimed, hardened } = await drain.drainBatch(limit, unhurried);
    if (claimed === 0) return total;
    total += hardened;
  }
}

/** The real engine behind a gate: hashes stand still until they are let go. */
function gatedEngine() {
  const gates: (() => void)[] = [];
  const engine: Argon2Engine = {
    name: 'node-rs',
    async hashRaw(...args) {
      await new Promise<void>((resolve) => gates.push(resolve));
      return nodeRsEngine.hashRaw(...args);
    },
  };
  return { engine, gates };
}

test('8 workers on 2,000 rows: each row is claimed by one and hashed once', async () => {
  const workers = Array.from({ length: 8 }, () => createWorkshop(appliance.core));
  await workers[0]!.addPending(2_000);
  const hardened = await Promise.all(
    workers.map((worker, index) => drainAll(worker, 20 + 5 * index)),
  );
  const hashes = workers.map(({ forge }) => forge.stats().completed);
  expect(hardened.reduce((sum, one) => sum + one)).toBe(2_000);
  expect(hashes.reduce((sum, one) => sum + one)).toBe(2_000);
  expect(await pendingCount()).toBe(0);
  const rows = await appliance.sql(
    `SELECT count(DISTINCT phc)::int AS hashes, count(lease_until)::int AS leases,
            count(pending_since)::int AS since, max(version) AS version FROM credentials`,
  );
  expect(rows).toEqual([{ hashes: 2_000, leases: 0, since: 0, version: 1 }]);
});

test('a claim takes no more than its limit, oldest first, and leaves what others hold', async () => {
  const { engine, gates } = gatedEngine();
  const slow = createWorkshop(appliance.core, { engine });
  const ids = await slow.addPending(6);
  await appliance.sql(
    `UPDATE credentials SET pending_since = now() - make_interval(secs => array_position($1, user_id))`,
    [ids.toReversed()],
  );
  const running = slow.drain.drainBatch(2, unhurried);
  await eventually('it hashes', () => gates.length === 2);
  const leased = await appliance.sql<{ user_id: string }>(
    'SELECT user_id FROM credentials WHERE lease_until > now() ORDER BY user_id',
  );
  expect(leased.map((row) => row.user_id)).toEqual(ids.slice(0, 2).toSorted(compareTexts));

  const other = createWorkshop(appliance.core);
  expect(await drainAll(other, 10)).toBe(4);
  for (const go of gates) go();
  expect(await running).toEqual({ claimed: 2, hardened: 2, failed: 0, parked: 0 });
});

const compareTexts = (left: string, right: string) => (left < right ? -1 : 1);

test('rows of a worker that hangs come back when its lease is over, and its late write changes nothing', async () => {
  const { engine, gates } = gatedEngine();
  const hung = createWorkshop(appliance.core, { engine });
  const [id] = await hung.addPending(1);
  const late = hung.drain.drainBatch(1, unhurried);
  await eventually('it hashes', () => gates.length === 1);

  const other = createWorkshop(appliance.core);
  expect(await drainAll(other, 1)).toBe(0);
  const [lease] = await appliance.sql<{ seconds: number }>(
    'SELECT extract(epoch FROM lease_until - now())::float8 AS seconds FROM credentials',
  );
  expect(lease!.seconds).toBeLessThanOrEqual(60);
  await appliance.sql(`UPDATE credentials SET lease_until = now() - interval '1 second'`);
  expect(await drainAll(other, 1)).toBe(1);
  const { phc } = await other.find(id!);

  gates[0]!();
  expect(await late).toEqual({ claimed: 1, hardened: 0, failed: 0, parked: 0 });
  expect(await other.find(id!)).toMatchObject({ phc });
});

test('a stale job never brings an older password back, not even over another pending one', async () => {
  const { engine, gates } = gatedEngine();
  const stale = createWorkshop(appliance.core, { engine });
  const current = createWorkshop(appliance.core);
  const id = await current.addUser('the first password');
  const late = stale.drain.drainBatch(1, unhurried);
  await eventually('it hashes', () => gates.length === 1);

  const next = await current.creator.forRegistration(id, 'the second password');
  await appliance.sql(
    `UPDATE credentials SET version = version + 1, salt = $2, pending = $3, lease_until = NULL
     WHERE user_id = $1`,
    [id, next.salt, next.pending],
  );
  gates[0]!();
  expect(await late).toEqual({ claimed: 1, hardened: 0, failed: 0, parked: 0 });
  expect(await current.find(id)).toMatchObject({ version: 2, phc: null, pending: next.pending });

  expect(await drainAll(current, 1)).toBe(1);
  const stored = await current.find(id);
  expect(await current.verifier.verify(stored, 'the second password')).toBe(true);
  expect(await current.verifier.verify(stored, 'the first password')).toBe(false);
});

test('a user who is deleted meanwhile leaves nothing behind and holds nobody up', async () => {
  const { engine, gates } = gatedEngine();
  const slow = createWorkshop(appliance.core, { engine });
  const [gone] = await slow.addPending(2);
  const running = slow.drain.drainBatch(2, unhurried);
  await eventually('it hashes', () => gates.length === 2);
  await appliance.sql('DELETE FROM users WHERE id = $1', [gone]);
  for (const go of gates) go();
  expect(await running).toEqual({ claimed: 2, hardened: 1, failed: 0, parked: 0 });
  expect(await pendingCount()).toBe(0);
});

test('a row that always fails is parked after its tries; the others drain, and status says so', async () => {
  const workshop = createWorkshop(appliance.core, { maxTries: 3 });
  const poison = await workshop.addUser('the poisoned password');
  await workshop.addPending(20);
  await appliance.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$`);
  await appliance.sql(`CREATE TRIGGER refuse BEFORE UPDATE ON credentials FOR EACH ROW
    WHEN (NEW.phc IS NOT NULL AND NEW.user_id = '${poison}') EXECUTE FUNCTION refuse()`);

  for (let tries = 1; tries <= 3; tries += 1) {
    expect(await drainAll(workshop, 8)).toBe(tries === 1 ? 20 : 0);
    const rows = await appliance.sql(
      'SELECT attempts, parked_at IS NOT NULL AS parked, lease_until > now() AS resting FROM credentials WHERE user_id = $1',
      [poison],
    );
    expect(rows).toEqual([{ attempts: tries, parked: tries === 3, resting: true }]);
    await appliance.sql('UPDATE credentials SET lease_until = NULL WHERE user_id = $1', [poison]);
  }
  expect(await workshop.drain.drainBatch(8, unhurried)).toEqual({
    claimed: 0,
    hardened: 0,
    failed: 0,
    parked: 0,
  });
  expect(await appliance.core.status()).toMatchObject({ pending_hashes: 0, parked_hashes: 1 });
  expect(
    await appliance.sql('SELECT parked_reason FROM credentials WHERE parked_at IS NOT NULL'),
  ).toEqual([{ parked_reason: 'refused by the test' }]);

  // Its owner may still sign in, and once the cause is gone that heals the row.
  const { verifier } = workshop;
  expect(await verifier.verify(await workshop.find(poison), 'the wrong password')).toBe(false);
  expect(await verifier.verify(await workshop.find(poison), 'the poisoned password')).toBe(true);
  await appliance.sql('DROP TRIGGER refuse ON credentials');
  expect(await verifier.verify(await workshop.find(poison), 'the poisoned password')).toBe(true);
  expect(await appliance.core.status()).toMatchObject({ pending_hashes: 0, parked_hashes: 0 });
});

test('a lost connection counts against no row: they come back at once', async () => {
  const { engine, gates } = gatedEngine();
  const slow = createWorkshop(appliance.core, { engine, slots: 10, maxTries: 1 });
  await slow.addPending(10);
  const running = slow.drain.drainBatch(10, unhurried);
  await eventually('it hashes', () => gates.length === 10);
  await appliance.sql(`CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$`);
  await appliance.sql(`CREATE TRIGGER cut BEFORE UPDATE ON credentials
    FOR EACH ROW WHEN (NEW.phc IS NOT NULL) EXECUTE FUNCTION cut()`);
  for (const go of gates) go();
  expect(await running).toEqual({ claimed: 10, hardened: 0, failed: 0, parked: 0 });
  expect(
    await appliance.sql(
      'SELECT max(attempts) AS attempts, count(lease_until)::int AS leases FROM credentials',
    ),
  ).toEqual([{ attempts: 0, leases: 0 }]);

  await appliance.sql('DROP TRIGGER cut ON credentials');
  expect(await drainAll(createWorkshop(appliance.core), 10)).toBe(10);
});

test('a worker that is told to stop finishes what it hashes and leaves the rest to others at once', async () => {
  const { engine, gates } = gatedEngine();
  const stopping = createWorkshop(appliance.core, { engine, slots: 2 });
  await stopping.addPending(10);
  const stop = new AbortController();
  const running = stopping.drain.drainBatch(10, stop.signal);
  await eventually('it hashes', () => gates.length === 2);
  stop.abort();
  for (const go of gates) go();
  expect(await running).toEqual({ claimed: 10, hardened: 2, failed: 0, parked: 0 });
  expect(await drainAll(createWorkshop(appliance.core), 10)).toBe(8);
});
