import { openDatabase } from '../../../src/db/database.ts';
import { createScope } from '../../../src/lib/lifecycle.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { createEvents, type NewEvent } from '../../../src/services/event/events.ts';
import { createEventRecords } from '../../../src/services/event/records.ts';
import { createRelay, type RelayDeps } from '../../../src/services/event/relay.ts';
import type { OutgoingEvent, Sink, SinkName } from '../../../src/services/event/sinks/sink.ts';
import { createTestClock } from '../../support/clock.ts';
import { createTestDatabase } from '../../support/postgres.ts';

/** The state of an event's row. */
export interface EventRow {
  id: string;
  type: string;
  user_id: string | null;
  attempts: number;
  next_attempt_at: Date | null;
  published_at: Date | null;
  dead_at: Date | null;
  last_error: string | null;
  confirmed_by: string[];
}

/** A sink of the tests: keeps what it is given and answers as it is told. */
export function createRecordingSink(
  name: SinkName = 'webhook',
  answer: (
    event: OutgoingEvent,
    signal: AbortSignal,
  ) => Error | null | Promise<Error | null> = () => null,
) {
  const received: OutgoingEvent[] = [];
  const sink: Sink = {
    name,
    publish: (events, signal) =>
      Promise.all(
        events.map((event) => {
          received.push(event);
          return answer(event, signal);
        }),
      ),
    close: async () => undefined,
  };
  return { ...sink, received };
}

/** Everything that publishing events needs, on a database of its own. */
export async function openEventBench() {
  const database = await createTestDatabase();
  const log = createLogger({ level: 'silent' });
  const scope = createScope();
  const clock = createTestClock();
  const { connectionString } = database;
  const db = scope.own(
    'pool',
    openDatabase({ connectionString, poolSize: 10, log, applicationName: 'test' }),
    (opened) => opened.close(),
  );
  const events = createEvents({ clock, enabled: true });

  function relayTo(sinks: readonly Sink[], options: Partial<RelayDeps> = {}) {
    return createRelay({ db, clock, log, sinks, maxTries: 3, deadlineMs: 5_000, ...options });
  }

  return {
    db,
    clock,
    log,
    scope,
    events,
    connectionString,
    records: createEventRecords({ db, clock }),
    relayTo,

    record: (event: NewEvent) => events.record(db, event),

    /** Makes one round; nothing interrupts it. */
    round: (relay: ReturnType<typeof createRelay>, limit = 100) =>
      relay.relayBatch(limit, new AbortController().signal),

    /** Lets the waits between tries, and the leases, be over. */
    makeDue: () =>
      db.execute({
        name: '',
        text: `UPDATE events SET next_attempt_at = now() - interval '1 second'
               WHERE next_attempt_at IS NOT NULL`,
      }),

    rows: () =>
      db.query<EventRow & Record<string, unknown>>({
        name: '',
        text: 'SELECT * FROM events ORDER BY sequence',
      }),

    sql: <Row extends Record<string, unknown>>(text: string, values: unknown[] = []) =>
      db.query<Row>({ name: '', text }, values),

    async close(): Promise<void> {
      await scope.release();
      await database.drop();
    },
  };
}

export type EventBench = Awaited<ReturnType<typeof openEventBench>>;
