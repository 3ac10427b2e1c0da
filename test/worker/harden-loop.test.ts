import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createHardenLoop, type HardenLoopDeps } from '../../src/worker/harden-loop.ts';
import { createWorkshop, type Workshop } from '../services/credential/workshop.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';

const HOST = 'this-host';
const NEVER_MS = 3_600_000;

let appliance: TestAppliance;
let workshop: Workshop;

beforeEach(async () => {
  appliance = await startAppliance({ env: { AUTHCTL_HASH_MODE: 'deferred' } });
  workshop = createWorkshop(appliance.core);
});
afterEach(() => appliance.stop());

/** Starts a loop; ends with the test, if not before. */
function startLoop(changes: Partial<HardenLoopDeps> = {}) {
  const { db, log, nodes } = appliance.core;
  const { drain } = workshop;
  const loop = createHardenLoop({
    db,
    log,
    drain,
    nodes,
    host: HOST,
    slots: 2,
    pollMs: 50,
    ...changes,
  });
  const stop = new AbortController();
  const running = loop.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  onTestFinished(end);
  return { end };
}

const pendingCount = async () => (await appliance.core.status()).pending_hashes;

const listeners = async () => {
  const rows = await appliance.sql(
    `SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND query = 'LISTEN "authctl_hash"' AND state = 'idle'`,
  );
  return rows.length;
};

test('a registration wakes the worker: its row is hardened without any poll', async () => {
  startLoop({ pollMs: NEVER_MS });
  let notifications = 0;
  const subscription = appliance.core.db.listen('authctl_hash', () => {
    notifications += 1;
  });
  onTestFinished(subscription.close);
  await eventually('both listen', async () => (await listeners()) === 2 && notifications === 1);

  const emails = Array.from({ length: 20 }, (_, index) => `woken${index}@open.example`);
  const password = 'correct horse battery staple';
  await Promise.all(
    emails.map((email) => appliance.call('/v1/register', { body: { email, password } })),
  );
  await eventually('all rows are final', async () => (await pendingCount()) === 0);
  const rows = await appliance.sql('SELECT count(phc)::int AS final FROM credentials');
  expect(rows).toEqual([{ final: 20 }]);
  // One registration, one wake-up would be 20: they are gathered.
  expect(notifications).toBeGreaterThan(1);
  expect(notifications).toBeLessThan(20);
});

test('what a lost notification announced is found by the poll', async () => {
  startLoop();
  await eventually('it listens', async () => (await listeners()) === 1);
  await workshop.addPending(10);
  await eventually('drained', async () => (await pendingCount()) === 0);
});

test('it steps aside while requests of its host wait for a hash, and only then', async () => {
  const { nodes } = appliance.core;
  let asked = 0;
  const watched = {
    ...nodes,
    isHostBusy(host: string) {
      asked += 1;
      return nodes.isHostBusy(host);
    },
  };
  const load = { waiting: 5 };
  const identity = { kind: 'api' as const, host: HOST, pid: 1, version: 'test' };
  const beat = nodes.start(identity, () => ({ hashRate: 1, hashWaiting: load.waiting }));
  onTestFinished(beat.stop);
  await eventually('the load is known', () => nodes.isHostBusy(HOST));

  await workshop.addPending(10);
  startLoop({ nodes: watched });
  await eventually('it has looked a few times', () => asked >= 6);
  expect(await pendingCount()).toBe(10);

  startLoop({ host: 'another-host' });
  await eventually('a worker elsewhere drains', async () => (await pendingCount()) === 0);

  await workshop.addPending(10);
  load.waiting = 0;
  await eventually('drained here too', async () => (await pendingCount()) === 0);
});

test('it survives the loss of all its connections', async () => {
  startLoop();
  await workshop.addPending(10);
  await eventually('drained', async () => (await pendingCount()) === 0);
  for (let round = 0; round < 3; round += 1) {
    await workshop.addPending(200);
    await appliance
      .sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      )
      .catch(() => undefined);
    // What it held when it lost the database comes back with the lease's end: not waited for here.
    const release = 'UPDATE credentials SET lease_until = NULL WHERE pending IS NOT NULL';
    await eventually('the database answers again', async () =>
      Boolean(await appliance.sql(release)),
    );
    await eventually('drained again', async () => (await pendingCount()) === 0);
  }
  await eventually('it listens again', async () => (await listeners()) === 1);
  expect((await appliance.core.status()).parked_hashes).toBe(0);
});

test('it ends when told to, and no row stays leased', async () => {
  await workshop.addPending(2_000);
  const { end } = startLoop();
  await eventually('it works', async () => (await pendingCount()) < 2_000);
  await end();
  const rows = await appliance.sql(
    'SELECT count(lease_until)::int AS leased FROM credentials WHERE pending IS NOT NULL',
  );
  expect(rows).toEqual([{ leased: 0 }]);
});
