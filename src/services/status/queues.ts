import { type Db, statement } from '../../db/database.ts';
import type { Channel } from '../mail/kinds.ts';

/** What waits to leave the installation, for other systems, a mailbox or a telephone. */
export interface Queue {
  readonly waiting: number;
  readonly oldestSeconds: number;
  /** Tries of the oldest, and what came of the last of them. */
  readonly tries: number;
  readonly lastError: string | null;
  /** Longer than a passing fault explains. */
  readonly isLate: boolean;
  /** Given up, and kept for somebody to look at. */
  readonly dead: number;
}

interface Oldest extends Record<string, unknown> {
  waiting: number;
  seconds: number | null;
  tries: number | null;
  last_error: string | null;
  dead: number;
}

/** Time for a receiver's restart, and for some tries. */
const LATE_EVENTS_SECONDS = 5 * 60;
/** Greylisting is over by then, and so is a mailed code. */
const LATE_MAILS_SECONDS = 10 * 60;

const EVENTS = statement(
  'queues.events',
  `WITH oldest AS (
     SELECT created_at, attempts, last_error FROM events
     WHERE published_at IS NULL AND dead_at IS NULL ORDER BY sequence LIMIT 1)
   SELECT (SELECT count(*) FROM events WHERE published_at IS NULL AND dead_at IS NULL)::int AS waiting,
          extract(epoch FROM now() - created_at)::float8 AS seconds, attempts AS tries, last_error,
          (SELECT count(*) FROM events WHERE dead_at IS NOT NULL)::int AS dead
   FROM (SELECT) AS one LEFT JOIN oldest ON true`,
);
const MAILS = statement(
  'queues.mails',
  `WITH oldest AS (
     SELECT created_at, attempts, last_error FROM mails
     WHERE status = 'queued' AND channel = $1 ORDER BY created_at LIMIT 1)
   SELECT (SELECT count(*) FROM mails WHERE status = 'queued' AND channel = $1)::int AS waiting,
          extract(epoch FROM now() - created_at)::float8 AS seconds, attempts AS tries, last_error,
          (SELECT count(*) FROM mails WHERE status = 'dead' AND channel = $1)::int AS dead
   FROM (SELECT) AS one LEFT JOIN oldest ON true`,
);

/** Reads how many events are waiting, how long, and why. */
export async function findEventQueue(db: Db): Promise<Queue> {
  const rows = await db.query<Oldest>(EVENTS);
  return toQueue(rows[0]!, LATE_EVENTS_SECONDS);
}

/** Reads how many mails or text messages are waiting, how long, and why. */
export async function findMessageQueue(db: Db, channel: Channel): Promise<Queue> {
  const rows = await db.query<Oldest>(MAILS, [channel]);
  return toQueue(rows[0]!, LATE_MAILS_SECONDS);
}

function toQueue(
  { waiting, seconds, tries, last_error, dead }: Oldest,
  lateSeconds: number,
): Queue {
  // A node's clock may have been ahead of the database's when it wrote the time.
  const oldestSeconds = Math.max(0, Math.round(seconds ?? 0));
  return {
    waiting,
    oldestSeconds,
    tries: tries ?? 0,
    lastError: last_error,
    isLate: oldestSeconds >= lateSeconds,
    dead,
  };
}
