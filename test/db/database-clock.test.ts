import { expect, onTestFinished, test } from 'vitest';
import { openDatabase, type Queryable } from '../../src/db/database.ts';
import { openDatabaseClock } from '../../src/db/database-clock.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { eventually } from '../support/eventually.ts';
import { createManualClock } from '../support/manual-clock.ts';
import { createEmptyDatabase } from '../support/postgres.ts';

const HOUR_MS = 3_600_000;
const INTERVAL_MS = 20;
const log = createLogger({ level: 'silent' });

interface Server {
  setBackMs: number;
  isAway: boolean;
  readings: number;
}

/** A database whose clock can be set, and whose answers can fail. */
async function openServer() {
  const { connectionString, drop } = await createEmptyDatabase();
  const db = openDatabase({ connectionString, poolSize: 1, applicationName: 'test', log });
  onTestFinished(async () => {
    await db.close();
    await drop();
  });
  const server: Server = { setBackMs: 0, isAway: false, readings: 0 };
  const on: Queryable = {
    execute: db.execute,
    async query(what, values) {
      if (server.isAway) throw new Error('away');
      const rows = await db.query<Record<string, unknown>>(what, values);
      server.readings += 1;
      const now = (rows[0]!['now'] as Date).getTime() - server.setBackMs;
      return [{ now: new Date(now) }] as never;
    },
  };
  return { server, on };
}

async function open(on: Queryable, local = runningClock()) {
  const clock = await openDatabaseClock({ db: on, local, log, intervalMs: INTERVAL_MS });
  onTestFinished(() => clock.close());
  return clock;
}

/** A wall clock of 2001, and a monotonic time that can be moved on as if we had slept without knowing. */
function runningClock(stolen = { ms: 0 }) {
  const wrong = createManualClock(new Date('2001-01-01T00:00:00Z'));
  return { now: wrong.now, monotonicMs: () => performance.now() - stolen.ms };
}

const errorOf = (clock: { now(): Date }, setBackMs = 0) =>
  Math.abs(clock.now().getTime() - (Date.now() - setBackMs));

test('it is the database’s time, whatever this machine’s clock says', async () => {
  const { on } = await openServer();
  expect(errorOf(await open(on))).toBeLessThan(2_000);
});

test('it runs on between two readings, and while the database is away', async () => {
  const { server, on } = await openServer();
  const clock = await open(on);
  server.isAway = true;
  const before = clock.now().getTime();
  await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
  expect(clock.now().getTime()).toBeGreaterThanOrEqual(before + 4 * INTERVAL_MS);
  expect(errorOf(clock)).toBeLessThan(2_000);
});

test('it follows when the database’s clock is set, forward or back', async () => {
  const { server, on } = await openServer();
  const clock = await open(on);
  for (const setBackMs of [HOUR_MS, -HOUR_MS]) {
    server.setBackMs = setBackMs;
    await eventually('it follows', () => errorOf(clock, setBackMs) < 2_000);
  }
});

test('it catches up after this machine slept', async () => {
  const { on } = await openServer();
  const slept = { ms: 0 };
  const clock = await open(on, runningClock(slept));
  slept.ms = HOUR_MS;
  expect(errorOf(clock)).toBeGreaterThan(HOUR_MS / 2);
  await eventually('it catches up', () => errorOf(clock) < 2_000);
});

test('nobody steps for less than an answer can tell: time does not go back by noise', async () => {
  const { server, on } = await openServer();
  const clock = await open(on);
  const until = server.readings + 10;
  let last = clock.now().getTime();
  while (server.readings < until) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const now = clock.now().getTime();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
});

/**
 * A network on which time passes only while something travels: how long the question takes and how long
 * the answer, for one reading after the other; the last for all that follow.
 */
function openNetwork(trips: readonly (readonly [questionMs: number, answerMs: number])[]) {
  const local = createManualClock(new Date('2001-01-01T00:00:00Z'));
  const trueTime = () => new Date(Date.parse('2026-03-01T12:00:00Z') + local.monotonicMs());
  const network = { local, trueTime, readings: 0 };
  const on: Queryable = {
    execute: async () => 0,
    async query() {
      const [questionMs, answerMs] = trips[Math.min(network.readings, trips.length - 1)]!;
      local.advance(questionMs);
      const now = trueTime();
      local.advance(answerMs);
      network.readings += 1;
      return [{ now }] as never;
    },
  };
  return { network, on };
}

test('of its first readings it takes the quickest, whose time lies between question and answer', async () => {
  const { network, on } = openNetwork([
    [400, 0],
    [20, 20],
    [0, 300],
  ]);
  const clock = await openDatabaseClock({ db: on, local: network.local, log });
  onTestFinished(() => clock.close());
  expect(clock.now()).toEqual(network.trueTime());
});

test('a slow answer that says no more than that it was slow moves nothing', async () => {
  const { network, on } = openNetwork([
    [1, 1],
    [1, 1],
    [1, 1],
    [0, 200],
  ]);
  const clock = await open(on, network.local);
  await eventually('it has compared', () => network.readings >= 6);
  expect(clock.now()).toEqual(network.trueTime());
});

test('closed, it asks no more', async () => {
  const { server, on } = await openServer();
  const clock = await open(on);
  await clock.close();
  const { readings } = server;
  await new Promise((resolve) => setTimeout(resolve, 5 * INTERVAL_MS));
  expect(server.readings).toBe(readings);
});
