import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { shareRun } from '../lib/share-run.ts';
import { type Queryable, statement } from './database.ts';

export interface DatabaseClockDeps {
  readonly db: Queryable;
  /** This machine's clock; its monotonic time measures what passes between two readings. */
  readonly local: Clock;
  readonly log: Logger;
  readonly intervalMs?: number;
}

/** The database's time, until closed; afterwards it runs on by itself. */
export interface DatabaseClock extends Clock {
  close(): Promise<void>;
}

/** What the database said, and how well we know when it said it. */
interface Reading {
  readonly atMs: number;
  readonly timeMs: number;
  /** The question and its answer; the time was read at some moment in between. */
  readonly roundTripMs: number;
}

const READ = statement('clock.read', 'SELECT clock_timestamp() AS now');

const INTERVAL_MS = 1_000;
const FIRST_READINGS = 3;
/** Less is not worth a step; the database's answer is no more exact. */
const TOLERANCE_MS = 10;
/** A step that somebody should hear of. */
const NOTICEABLE_STEP_MS = 1_000;

/**
 * Opens the clock that all nodes of an installation share: that of their database (ADR 0006).
 *
 * It is asked every second; in between this machine's monotonic time runs on from the last answer. A
 * machine whose wall clock is wrong, or jumps, neither ends nor prolongs anything. While the database is
 * away nothing is corrected.
 */
export async function openDatabaseClock(deps: DatabaseClockDeps): Promise<DatabaseClock> {
  const { db, local, log, intervalMs = INTERVAL_MS } = deps;

  async function read(): Promise<Reading> {
    const startMs = local.monotonicMs();
    const [row] = await db.query<{ now: Date }>(READ);
    const roundTripMs = local.monotonicMs() - startMs;
    return { atMs: startMs + roundTripMs / 2, timeMs: row!.now.getTime(), roundTripMs };
  }

  let anchor = await read();
  for (let readings = 1; readings < FIRST_READINGS; readings += 1) {
    const next = await read();
    if (next.roundTripMs < anchor.roundTripMs) anchor = next;
  }
  const timeAt = (monotonicMs: number) => anchor.timeMs + (monotonicMs - anchor.atMs);

  const localErrorMs = Math.round(local.now().getTime() - timeAt(local.monotonicMs()));
  if (Math.abs(localErrorMs) > NOTICEABLE_STEP_MS)
    log.warn({ localErrorMs }, "this machine's clock is wrong; the database's is used");

  async function follow(): Promise<void> {
    const reading = await read();
    const stepMs = reading.timeMs - timeAt(reading.atMs);
    if (Math.abs(stepMs) <= TOLERANCE_MS + reading.roundTripMs / 2) return;
    anchor = reading;
    if (Math.abs(stepMs) > NOTICEABLE_STEP_MS)
      log.warn({ stepMs: Math.round(stepMs) }, "the database's clock was set, or we were stopped");
  }

  const compare = shareRun(() =>
    follow().catch((error: unknown) => log.debug({ err: error }, 'clock not compared')),
  );
  let comparing = Promise.resolve();
  const timer = setInterval(() => {
    comparing = compare();
  }, intervalMs);
  timer.unref();

  return {
    now: () => new Date(timeAt(local.monotonicMs())),
    monotonicMs: local.monotonicMs,
    async close() {
      clearInterval(timer);
      await comparing;
    },
  };
}
