import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { uuidv7 } from '../../src/crypto/random.ts';
import type { Sink } from '../../src/services/event/sinks/sink.ts';
import { createRelayLoop } from '../../src/worker/relay-loop.ts';
import {
  createRecordingSink,
  type EventBench,
  openEventBench,
} from '../services/event/event-bench.ts';
import { eventually } from '../support/eventually.ts';

let bench: EventBench;
const closers: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  bench = await openEventBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.sql('TRUNCATE events, audit'));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Starts a loop; ends it when the test does. */
function startLoop(
  sink: Sink,
  options: { pollMs?: number; graceMs?: number; batch?: number; maxTries?: number } = {},
) {
  const { pollMs = 50, graceMs = 0, batch = 10, maxTries = 1_000 } = options;
  const { db, log } = bench;
  const relay = bench.relayTo([sink], { maxTries, delayMs: () => 0, deadlineMs: 20_000 });
  const loop = createRelayLoop({ db, log, relay, batch, pollMs, graceMs });
  const stop = new AbortController();
  const running = loop.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  closers.push(end);
  return { end };
}

const record = () => bench.record({ type: 'user.verified', userId: uuidv7(Date.now()) });
const publishedCount = async () =>
  (await bench.rows()).filter((row) => row.published_at !== null).length;

test('events that are recorded while it runs are published', async () => {
  const sink = createRecordingSink();
  startLoop(sink);
  for (let count = 0; count < 30; count += 1) await record();
  await eventually('all are published', async () => (await publishedCount()) === 30);
  expect(sink.received).toHaveLength(30);
});

test('a notification wakes it long before the poll', async () => {
  startLoop(createRecordingSink(), { pollMs: 3_600_000 });
  await eventually('it listens', async () => {
    const sessions = await bench.sql(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
    );
    return sessions.length > 0;
  });
  await record();
  await eventually('it is published', async () => {
    await bench.sql(`SELECT pg_notify('authctl_events', '')`);
    return (await publishedCount()) === 1;
  });
});

test('one event that is never answered does not hold up the others', async () => {
  const slow = uuidv7(Date.now());
  const sink = createRecordingSink('webhook', (event) =>
    event.userId === slow ? new Promise<never>(() => undefined) : null,
  );
  startLoop(sink, { batch: 1 });
  await bench.record({ type: 'user.verified', userId: slow });
  for (let count = 0; count < 20; count += 1) await record();
  await eventually('the others are published', async () => (await publishedCount()) === 20);
});

test('while the receiver is away it probes, so that an outage uses up the tries of few', async () => {
  const receiver: { isAway: boolean } = { isAway: true };
  const sink = createRecordingSink('webhook', () =>
    receiver.isAway ? new Error('ECONNREFUSED') : null,
  );
  for (let count = 0; count < 100; count += 1) await record();
  startLoop(sink, { batch: 2 });
  // Four lanes: a first batch of two each, then one event at a time.
  await eventually('it has probed for a while', () => sink.received.length >= 12);
  const tried = (await bench.rows()).filter((row) => row.attempts > 0);
  expect(tried.length).toBeLessThanOrEqual(12);
  receiver.isAway = false;
  await eventually('all are published', async () => (await publishedCount()) === 100);
});

test('a round that fails, as where the database is away, is not the last', async () => {
  const sink = createRecordingSink();
  const relay = bench.relayTo([sink]);
  let rounds = 0;
  const shaky = {
    relayBatch(limit: number, signal: AbortSignal) {
      rounds += 1;
      return rounds <= 4 ? Promise.reject(new Error('away')) : relay.relayBatch(limit, signal);
    },
  };
  const loop = createRelayLoop({
    db: bench.db,
    log: bench.log,
    relay: shaky,
    batch: 10,
    pollMs: 20,
  });
  const stop = new AbortController();
  const running = loop.run(stop.signal);
  closers.push(async () => {
    stop.abort();
    await running;
  });
  await record();
  await eventually('it is published', async () => (await publishedCount()) === 1);
});

test('asked to stop, it finishes what is under way', async () => {
  const under: { way?: (outcome: null) => void } = {};
  const sink = createRecordingSink(
    'webhook',
    () =>
      new Promise<null>((resolve) => {
        under.way = resolve;
      }),
  );
  await record();
  const loop = startLoop(sink, { graceMs: 30_000 });
  await eventually('an event is under way', () => under.way !== undefined);
  const ended = loop.end();
  under.way!(null);
  await ended;
  expect(await publishedCount()).toBe(1);
});

test('what does not finish in time is given back at once, untried', async () => {
  const sink = createRecordingSink('webhook', () => new Promise<never>(() => undefined));
  await record();
  const loop = startLoop(sink, { graceMs: 0 });
  await eventually('an event is under way', () => sink.received.length === 1);
  await loop.end();
  expect((await bench.rows())[0]).toMatchObject({ attempts: 0, next_attempt_at: null });
});
