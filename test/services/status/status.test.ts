import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { findEventQueue, findMessageQueue } from '../../../src/services/status/queues.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { QUICK_SIGN_IN, signUp } from '../../support/sign-in.ts';

let appliance: TestAppliance;
beforeAll(async () => {
  appliance = await startAppliance({ env: QUICK_SIGN_IN });
});
afterAll(() => appliance.stop());
afterEach(() => appliance.sql(`DELETE FROM nodes WHERE host LIKE 'test-%'`));

interface Node {
  kind?: 'api' | 'worker';
  host?: string;
  secondsAgo: number;
  rate?: number;
  waiting?: number;
}

/** Of what must still be fresh when it is looked at, on a machine however busy. */
const AHEAD = -60;

/** A process of another machine that was heard of so long ago. */
function addNode({ kind = 'worker', host = 'test-host', secondsAgo, rate = 0, waiting = 0 }: Node) {
  return appliance.sql(
    `INSERT INTO nodes (id, kind, host, pid, version, started_at, seen_at, hash_rate, hash_waiting)
     VALUES (gen_random_uuid(), $1, $2, 1, '0', now(), $3, $4, $5)`,
    [kind, host, new Date(appliance.clock.now().getTime() - secondsAgo * 1_000), rate, waiting],
  );
}

test('only processes that were heard of lately count, and only workers drain', async () => {
  const { status } = appliance.core;
  await signUp(appliance);
  const alone = await status();
  expect(alone.pending_hashes).toBeGreaterThan(0);
  expect(alone).toMatchObject({ drain_seconds: null, worker: { nodes: 0 } });

  await addNode({ secondsAgo: 11, rate: 1_000 });
  expect(await status()).toMatchObject({ drain_seconds: null, worker: { nodes: 0 } });
  await addNode({ secondsAgo: AHEAD, rate: 0.5 });
  await addNode({ secondsAgo: AHEAD, rate: 0.5 });
  expect(await status()).toMatchObject({
    hash_rate: 1,
    drain_seconds: alone.pending_hashes,
    worker: { nodes: 2 },
  });
});

test('a host is busy while an API process of its own says so', async () => {
  const { nodes } = appliance.core;
  const busy = { kind: 'api', waiting: 1 } as const;
  await addNode({ ...busy, host: 'test-elsewhere', secondsAgo: AHEAD });
  await addNode({ ...busy, host: 'test-before', secondsAgo: 4 });
  await addNode({ ...busy, host: 'test-worker', kind: 'worker', secondsAgo: AHEAD });
  await addNode({ kind: 'api', host: 'test-idle', secondsAgo: AHEAD });
  await addNode({ ...busy, host: 'test-now', secondsAgo: AHEAD });
  for (const host of ['test-before', 'test-worker', 'test-idle'])
    expect(await nodes.isHostBusy(host), host).toBe(false);
  expect(await nodes.isHostBusy('test-now')).toBe(true);
});

test('a session counts while it is neither ended nor over', async () => {
  const { sessions } = await appliance.core.status();
  await signUp(appliance);
  await signUp(appliance);
  await signUp(appliance);
  const change = (what: string, place: number) =>
    appliance.sql(
      `UPDATE sessions SET ${what} = now() - interval '1 second'
       WHERE id = (SELECT id FROM sessions ORDER BY id DESC OFFSET $1 LIMIT 1)`,
      [place],
    );
  await change('ended_at', 0);
  await change('expires_at', 1);
  expect((await appliance.core.status()).sessions).toBe(sessions + 1);
});

test('of a queue the oldest is told, and that it is late when that is', async () => {
  const add = (minutes: number, tries: number, error: string) =>
    appliance.sql(
      `INSERT INTO mails (id, kind, recipient, message_id, attempts, last_error, created_at, next_attempt_at)
       VALUES (gen_random_uuid(), 'welcome', 'ada@example.com', 'x', $2, $3,
               now() - make_interval(mins => $1), now() + interval '1 day')`,
      [minutes, tries, error],
    );
  const { db } = appliance.core;
  const mails = () => findMessageQueue(db, 'mail');
  await appliance.sql('TRUNCATE mails');
  expect(await mails()).toMatchObject({ waiting: 0, oldestSeconds: 0, tries: 0, isLate: false });
  await add(3, 2, 'the younger');
  await add(9, 5, 'the oldest');
  await add(1, 1, 'the youngest');
  expect(await mails()).toMatchObject({
    waiting: 3,
    tries: 5,
    lastError: 'the oldest',
    isLate: false,
  });
  await add(11, 6, 'late');
  expect(await mails()).toMatchObject({ waiting: 4, lastError: 'late', isLate: true });
  const [texts, events] = [await findMessageQueue(db, 'sms'), await findEventQueue(db)];
  expect([texts.waiting, texts.isLate, events.isLate]).toEqual([0, false, false]);
  await appliance.sql("UPDATE mails SET status = 'dead' WHERE last_error <> 'late'");
  expect(await mails()).toMatchObject({ waiting: 1, lastError: 'late', dead: 3 });
  const { mail, sms } = await appliance.core.status();
  expect(mail).toMatchObject({ queued: 1, dead: 3 });
  expect(mail.oldest_queued_seconds).toBeGreaterThanOrEqual(11 * 60);
  expect(sms).toEqual({ queued: 0, oldest_queued_seconds: 0, dead: 0 });
});
