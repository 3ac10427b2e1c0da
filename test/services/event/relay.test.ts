import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { uuidv7 } from '../../../src/crypto/random.ts';
import { cliActor } from '../../../src/services/audit/actor.ts';
import type { OutgoingEvent } from '../../../src/services/event/sinks/sink.ts';
import { eventually } from '../../support/eventually.ts';
import { createRecordingSink, type EventBench, openEventBench } from './event-bench.ts';

let bench: EventBench;

beforeAll(async () => {
  bench = await openEventBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.sql('TRUNCATE events, audit'));

const OPERATOR = cliActor('tester');
const newUser = () => uuidv7(Date.now());
const refuse = () => new Error('refused');

test('an event is written with the change it announces, or not at all', async () => {
  const userId = newUser();
  const undone = bench.db.transaction(async (tx) => {
    await bench.events.record(tx, { type: 'password.changed', userId });
    throw new Error('the change failed');
  });
  await expect(undone).rejects.toThrow('the change failed');
  expect(await bench.rows()).toEqual([]);

  await bench.db.transaction((tx) => bench.events.record(tx, { type: 'password.changed', userId }));
  expect(await bench.rows()).toHaveLength(1);
});

test('an event that is confirmed is published once, with everything a receiver needs', async () => {
  const sink = createRecordingSink();
  const userId = newUser();
  await bench.record({ type: 'session.created', userId, payload: { session_id: 'x' } });
  const relay = bench.relayTo([sink]);
  expect(await bench.round(relay)).toEqual({ claimed: 1, published: 1 });
  expect(await bench.round(relay)).toEqual({ claimed: 0, published: 0 });

  const [row] = await bench.rows();
  expect(sink.received).toHaveLength(1);
  expect(sink.received[0]).toMatchObject({ id: row!.id, type: 'session.created', userId });
  expect(JSON.parse(sink.received[0]!.body)).toEqual({
    id: row!.id,
    type: 'session.created',
    timestamp: sink.received[0]!.occurredAt.toISOString(),
    sequence: expect.any(Number),
    user_id: userId,
    data: { session_id: 'x' },
  });
  expect(row).toMatchObject({ published_at: expect.any(Date), dead_at: null, last_error: null });
});

test('an event is marked published only after the sink has confirmed it', async () => {
  const marks: (Date | null)[] = [];
  const sink = createRecordingSink('kafka', async () => {
    marks.push((await bench.rows())[0]!.published_at);
    return null;
  });
  await bench.record({ type: 'user.verified', userId: newUser() });
  await bench.round(bench.relayTo([sink]));
  expect(marks).toEqual([null]);
  expect((await bench.rows())[0]!.published_at).not.toBeNull();
});

test('no transaction is open while a sink is being asked', async () => {
  let open: unknown;
  const sink = createRecordingSink('kafka', async () => {
    open = await bench.sql(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database()
       AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`,
    );
    return null;
  });
  await bench.record({ type: 'user.verified', userId: newUser() });
  await bench.round(bench.relayTo([sink]));
  expect(open).toEqual([]);
});

test('a refused event waits longer each time, and says why', async () => {
  const sink = createRecordingSink('webhook', refuse);
  const relay = bench.relayTo([sink], { maxTries: 10 });
  await bench.record({ type: 'user.verified', userId: newUser() });
  const waits: number[] = [];
  for (let tries = 1; tries <= 4; tries += 1) {
    await bench.makeDue();
    await bench.round(relay);
    const [row] = await bench.sql<{ wait: number; last_error: string; attempts: number }>(
      `SELECT extract(epoch FROM next_attempt_at - now())::float8 AS wait, last_error, attempts
       FROM events`,
    );
    expect(row).toMatchObject({ attempts: tries, last_error: 'webhook: refused' });
    waits.push(row!.wait);
  }
  // 1, 2, 4 and 8 seconds, a fifth more at most, less what has passed since.
  expect(waits[1]).toBeGreaterThan(waits[0]!);
  expect(waits[2]).toBeGreaterThan(waits[1]!);
  expect(waits[3]).toBeGreaterThan(waits[2]!);
  expect(waits[3]).toBeLessThanOrEqual(9.7);
  expect(await bench.round(relay)).toEqual({ claimed: 0, published: 0 });
});

test('after the last try an event is set aside, on record, and those behind it go on', async () => {
  const userId = newUser();
  await bench.record({ type: 'password.changed', userId });
  await bench.record({ type: 'session.created', userId });
  const sink = createRecordingSink('webhook', (event) =>
    event.type === 'password.changed' ? new Error('HTTP 400') : null,
  );
  const relay = bench.relayTo([sink], { maxTries: 3 });
  for (let round = 0; round < 5; round += 1) {
    await bench.makeDue();
    await bench.round(relay);
  }
  const [dead, live] = await bench.rows();
  expect(dead).toMatchObject({
    dead_at: expect.any(Date),
    published_at: null,
    attempts: 3,
    last_error: 'webhook: HTTP 400',
  });
  expect(live!.published_at).not.toBeNull();
  const audit = await bench.sql('SELECT action, result, user_id, detail FROM audit');
  expect(audit).toEqual([
    {
      action: 'event.given_up',
      result: 'refused',
      user_id: userId,
      detail: {
        event_id: dead!.id,
        type: 'password.changed',
        tries: 3,
        reason: 'webhook: HTTP 400',
      },
    },
  ]);
});

test('a dead event that is replayed is published with its own id, before later ones of its user', async () => {
  const userId = newUser();
  const receiver: { isBroken: boolean } = { isBroken: true };
  const sink = createRecordingSink('webhook', () =>
    receiver.isBroken ? new Error('HTTP 500') : null,
  );
  const relay = bench.relayTo([sink], { maxTries: 1 });
  await bench.record({ type: 'password.changed', userId });
  await bench.round(relay);
  receiver.isBroken = false;
  await bench.record({ type: 'session.created', userId });
  sink.received.length = 0;

  expect(await bench.records.countReplayable({ state: 'dead' })).toBe(1);
  expect(await bench.records.replay({ state: 'dead' }, OPERATOR)).toBe(1);
  await bench.round(relay);
  await bench.round(relay);
  const rows = await bench.rows();
  expect(sink.received.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
  expect(sink.received.map(({ type }) => type)).toEqual(['password.changed', 'session.created']);
  expect(rows.every((row) => row.published_at !== null && row.dead_at === null)).toBe(true);
  const [audit] = await bench.sql(`SELECT * FROM audit WHERE action = 'events.replayed'`);
  expect(audit).toMatchObject({ actor_kind: 'cli', detail: { state: 'dead', count: 1 } });
});

test('replay takes published events of a time, and leaves waiting ones alone', async () => {
  const sink = createRecordingSink();
  const relay = bench.relayTo([sink]);
  for (let count = 0; count < 3; count += 1)
    await bench.record({ type: 'user.verified', userId: newUser() });
  await bench.round(relay);
  await bench.record({ type: 'user.verified', userId: newUser() });
  bench.clock.advance(1);
  const since = new Date(Date.now() - 60_000);
  expect(await bench.records.replay({ since: new Date(Date.now() + 60_000) }, OPERATOR)).toBe(0);
  expect(await bench.records.replay({ type: 'user.updated' }, OPERATOR)).toBe(0);
  expect(await bench.records.replay({ since, type: 'user.verified' }, OPERATOR)).toBe(3);
  expect(await bench.records.replay({ ids: ['not an id'] }, OPERATOR)).toBe(0);
});

test('what is replayed goes to every sink again, though all of them had it', async () => {
  const kafka = createRecordingSink('kafka');
  const webhook = createRecordingSink('webhook');
  const relay = bench.relayTo([kafka, webhook]);
  await bench.record({ type: 'user.verified', userId: newUser() });
  await bench.round(relay);
  bench.clock.advance(1);
  expect(await bench.records.replay({ state: 'published' }, OPERATOR)).toBe(1);
  expect(await bench.round(relay)).toEqual({ claimed: 1, published: 1 });
  expect([kafka.received.length, webhook.received.length]).toEqual([2, 2]);
});

test('a replay takes as many as there are, and none that came after it began', async () => {
  await bench.sql(`INSERT INTO events (id, type, payload, created_at, published_at)
    SELECT gen_random_uuid(), 'user.verified', '{}', now() + shift, now()
    FROM (SELECT interval '-1 min' AS shift FROM generate_series(1, 5001)
          UNION ALL SELECT interval '1 hour') AS events`);
  expect(await bench.records.replay({}, OPERATOR)).toBe(5_001);
  expect(await bench.sql('SELECT FROM events WHERE published_at IS NOT NULL')).toHaveLength(1);
});

test('with several sinks an event is published when all have it, and none is asked twice', async () => {
  const receiver: { isBroken: boolean } = { isBroken: true };
  const kafka = createRecordingSink('kafka');
  const webhook = createRecordingSink('webhook', () =>
    receiver.isBroken ? new Error('HTTP 503') : null,
  );
  await bench.record({ type: 'user.verified', userId: newUser() });
  const relay = bench.relayTo([kafka, webhook]);
  expect(await bench.round(relay)).toEqual({ claimed: 1, published: 0 });
  expect((await bench.rows())[0]).toMatchObject({
    published_at: null,
    confirmed_by: ['kafka'],
    last_error: 'webhook: HTTP 503',
  });

  receiver.isBroken = false;
  await bench.makeDue();
  // Another relay knows it too.
  expect(await bench.round(bench.relayTo([kafka, webhook]))).toEqual({ claimed: 1, published: 1 });
  expect(kafka.received).toHaveLength(1);
  expect(webhook.received).toHaveLength(2);
});

test('a sink that throws, answers too little or never answers has confirmed nothing', async () => {
  const broken = {
    throws: () => Promise.reject(new Error('broken')),
    short: async () => [],
    silent: () => new Promise<never>(() => undefined),
  };
  for (const publish of Object.values(broken)) {
    await bench.sql('TRUNCATE events');
    await bench.record({ type: 'user.verified', userId: newUser() });
    const sink = { name: 'kafka' as const, publish, close: async () => undefined };
    const relay = bench.relayTo([sink], { deadlineMs: 50 });
    expect(await bench.round(relay)).toEqual({ claimed: 1, published: 0 });
    expect((await bench.rows())[0]).toMatchObject({
      published_at: null,
      attempts: 1,
      last_error: expect.stringMatching(/^kafka: (broken|no answer|no answer in time)$/),
    });
  }
});

test('a relay that stalls past its lease changes nothing any more', async () => {
  let answer: ((outcome: Error | null) => void) | undefined;
  const stalled = createRecordingSink(
    'webhook',
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  const prompt = createRecordingSink('webhook', refuse);
  await bench.record({ type: 'user.verified', userId: newUser() });
  const late = bench.round(bench.relayTo([stalled], { deadlineMs: 60_000 }));
  while (!answer) await new Promise((resolve) => setTimeout(resolve, 5));
  await bench.makeDue();
  await bench.round(bench.relayTo([prompt]));
  answer(null);
  await late;
  expect((await bench.rows())[0]).toMatchObject({ published_at: null, attempts: 2 });
});

test('nor does it when its successor has given the event back, and the try has the same number', async () => {
  const answers: ((outcome: Error | null) => void)[] = [];
  const stalled = createRecordingSink(
    'webhook',
    () => new Promise((resolve) => void answers.push(resolve)),
  );
  const stop = new AbortController();
  const stopped = createRecordingSink('webhook', () => {
    stop.abort();
    return new Promise<never>(() => undefined);
  });
  await bench.record({ type: 'user.verified', userId: newUser() });
  const late = bench.round(bench.relayTo([stalled], { deadlineMs: 60_000 }));
  await eventually('it is being published', () => answers.length === 1);
  await bench.makeDue();
  await bench.relayTo([stopped]).relayBatch(10, stop.signal);
  const before = await bench.rows();
  expect(before[0]).toMatchObject({ attempts: 1, next_attempt_at: null });
  answers[0]!(refuse());
  await late;
  expect(await bench.rows()).toEqual(before);
});

test('what two relays give up is on record once, by the one whose it was', async () => {
  const answers: ((outcome: Error | null) => void)[] = [];
  const stalled = createRecordingSink(
    'webhook',
    () => new Promise((resolve) => void answers.push(resolve)),
  );
  await bench.record({ type: 'user.verified', userId: newUser() });
  const late = bench.round(bench.relayTo([stalled], { maxTries: 1, deadlineMs: 60_000 }));
  await eventually('it is being published', () => answers.length === 1);
  await bench.makeDue();
  await bench.round(bench.relayTo([createRecordingSink()], { maxTries: 1 }));
  answers[0]!(refuse());
  await late;
  const audit = await bench.sql<{ reason: string }>(
    `SELECT detail->>'reason' AS reason FROM audit`,
  );
  expect(audit).toEqual([{ reason: 'every try was interrupted' }]);
});

test('while an event is under way nobody else may take it for longer than the try may last', async () => {
  const deadlineMs = 60_000;
  let leaseSeconds = 0;
  const sink = createRecordingSink('webhook', async () => {
    const [row] = await bench.sql<{ seconds: number }>(
      'SELECT extract(epoch FROM next_attempt_at - now())::float8 AS seconds FROM events',
    );
    leaseSeconds = row!.seconds;
    return null;
  });
  await bench.record({ type: 'user.verified', userId: newUser() });
  await bench.round(bench.relayTo([sink], { deadlineMs }));
  expect(leaseSeconds * 1_000).toBeGreaterThan(deadlineMs);
});

test('what a sink says of a failure is kept short, and on one line', async () => {
  const sink = createRecordingSink('webhook', () => new Error(`no\r\n\u001b[2J${'x'.repeat(500)}`));
  await bench.record({ type: 'user.verified', userId: newUser() });
  await bench.round(bench.relayTo([sink]));
  const [row] = await bench.rows();
  expect(row!.last_error).toMatch(/^webhook: no \[2Jx+$/);
  expect(row!.last_error).toHaveLength(300);
});

test('asked to stop, a relay gives back what is not confirmed, untried', async () => {
  const stop = new AbortController();
  const sink = createRecordingSink('webhook', () => {
    stop.abort();
    return new Promise<never>(() => undefined);
  });
  await bench.record({ type: 'user.verified', userId: newUser() });
  await bench.relayTo([sink]).relayBatch(10, stop.signal);
  expect((await bench.rows())[0]).toMatchObject({ attempts: 0, next_attempt_at: null });
});

test('an event whose every try was interrupted is set aside', async () => {
  await bench.record({ type: 'user.verified', userId: newUser() });
  await bench.sql(`UPDATE events SET attempts = 3, next_attempt_at = now() - interval '1 second'`);
  const sink = createRecordingSink();
  await bench.round(bench.relayTo([sink], { maxTries: 3 }));
  expect(sink.received).toEqual([]);
  expect((await bench.rows())[0]).toMatchObject({ last_error: 'every try was interrupted' });
});

test('four relays and a sink that fails at random: always at least once, always in order per user', async () => {
  const users = Array.from({ length: 12 }, newUser);
  const PER_USER = 15;
  for (let count = 0; count < PER_USER; count += 1)
    for (const userId of users)
      await bench.record({ type: 'user.updated', userId, payload: { count } });

  const confirmed: OutgoingEvent[] = [];
  const publishing = new Set<string>();
  let overlaps = 0;
  // A third is refused; a third arrives, but its confirmation is lost.
  const sinks = Array.from({ length: 4 }, () =>
    createRecordingSink('webhook', async (event) => {
      if (publishing.has(event.userId!)) overlaps += 1;
      publishing.add(event.userId!);
      await new Promise((resolve) => setImmediate(resolve));
      publishing.delete(event.userId!);
      const dice = Math.random();
      if (dice < 0.33) return new Error('refused');
      confirmed.push(event);
      return dice < 0.66 ? new Error('connection lost') : null;
    }),
  );
  const relays = sinks.map((sink) => bench.relayTo([sink], { maxTries: 1_000, delayMs: () => 0 }));
  const isLeft = async () =>
    (await bench.sql('SELECT 1 FROM events WHERE published_at IS NULL LIMIT 1')).length > 0;

  await Promise.all(
    relays.map(async (relay) => {
      while (await isLeft()) {
        await bench.round(relay, 5);
      }
    }),
  );

  expect(overlaps).toBe(0);
  for (const userId of users) {
    const counts = confirmed
      .filter((event) => event.userId === userId)
      .map((event): number => JSON.parse(event.body).data.count);
    const firsts = [...new Set(counts)];
    expect(firsts).toEqual(Array.from({ length: PER_USER }, (_, count) => count));
    // Nothing older ever comes after something newer.
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  }
  expect(confirmed.length).toBeGreaterThan(users.length * PER_USER);
});
