import { type Db, type Statement, statement } from '../db/database.ts';
import type { Logger } from '../lib/logger.ts';
import { createWaiter } from './waiter.ts';

export interface SweeperDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly intervalMs: number;
  /** Rows removed by one statement at most. */
  readonly batch: number;
  /** A network that somebody signed in from says nothing any more after this long. */
  readonly knownNetworkTtlMs: number;
  /** Published events are kept this long, for replay. */
  readonly eventRetentionMs: number;
  /** Removes so many never-verified accounts at most; returns how many went. */
  readonly removeUnverified: (limit: number) => Promise<number>;
  /** Removes so many old audit records at most; returns how many went. */
  readonly removeOldAudit: (limit: number) => Promise<number>;
  /** Removes so many files of old development mails at most; returns how many went. */
  readonly removeOldMailFiles: (limit: number) => Promise<number>;
  /** Told how many rows and files went, after each round that met no trouble. */
  readonly onSwept?: (rows: number) => void;
}

interface Sweep {
  readonly what: string;
  /** Removes a batch. */
  remove(): Promise<number>;
}

/** Removes rows by primary key, oldest first; SKIP LOCKED lets two sweepers share the work. */
function sweepOf(what: string, table: string, key: string, condition: string): Statement {
  return statement(
    `sweep.${what}`,
    `DELETE FROM ${table} WHERE ${key} IN (
       SELECT ${key} FROM ${table} WHERE ${condition} LIMIT $1 FOR UPDATE SKIP LOCKED)`,
  );
}

const FLOWS = sweepOf('flows', 'flows', 'token_digest', 'expires_at < now()');
// Ended and expired sessions stay a day, so that reuse of their tokens is still recognised as such.
const SESSIONS = sweepOf('sessions', 'sessions', 'id', `expires_at < now() - interval '1 day'`);
const ENDED_SESSIONS = sweepOf(
  'ended_sessions',
  'sessions',
  'id',
  `ended_at < now() - interval '30 days'`,
);
const IDEMPOTENCY_KEYS = sweepOf(
  'idempotency_keys',
  'idempotency_keys',
  'digest',
  'expires_at < now()',
);
const COUNTERS = sweepOf('limit_counters', 'limit_counters', 'key', 'expires_at < now()');
const NODES = sweepOf('nodes', 'nodes', 'id', `seen_at < now() - interval '1 hour'`);
const MAILS = sweepOf(
  'mails',
  'mails',
  'id',
  // A text message is of no use after a day; without a gateway nobody else would say so.
  `(status <> 'queued' AND created_at < now() - interval '30 days')
   OR (status = 'queued' AND channel = 'sms' AND created_at < now() - interval '2 days')`,
);
// A user's newest stays: without any, the next sign-in would look like the first of all.
const KNOWN_NETWORKS = statement(
  'sweep.known_networks',
  `DELETE FROM known_networks WHERE (user_id, network) IN (
     SELECT user_id, network FROM known_networks AS k
     WHERE last_login_at < now() - make_interval(secs => $2::float8 / 1000)
       AND EXISTS (SELECT FROM known_networks AS newer
                   WHERE newer.user_id = k.user_id AND newer.last_login_at > k.last_login_at)
     LIMIT $1 FOR UPDATE SKIP LOCKED)`,
);
const EVENTS = sweepOf(
  'published_events',
  'events',
  'id',
  'published_at < now() - make_interval(secs => $2::float8 / 1000)',
);

/** Removes what has expired, in bounded batches, until nothing is left; then rests. */
export function createSweeper(deps: SweeperDeps) {
  const { db, log, batch } = deps;
  const byStatement = (what: Statement, ...values: unknown[]): Sweep => ({
    what: what.name,
    remove: () => db.execute(what, [batch, ...values]),
  });
  const expired = [FLOWS, SESSIONS, ENDED_SESSIONS, IDEMPOTENCY_KEYS, COUNTERS, NODES, MAILS];
  const sweeps: readonly Sweep[] = [
    ...expired.map((what) => byStatement(what)),
    { what: 'unverified users', remove: () => deps.removeUnverified(batch) },
    byStatement(KNOWN_NETWORKS, deps.knownNetworkTtlMs),
    byStatement(EVENTS, deps.eventRetentionMs),
    { what: 'audit', remove: () => deps.removeOldAudit(batch) },
    { what: 'mail files', remove: () => deps.removeOldMailFiles(batch) },
  ];

  /** One round; returns how many rows and files went. */
  async function sweepOnce(signal: AbortSignal): Promise<number> {
    let total = 0;
    for (const { what, remove } of sweeps) {
      let removed = 0;
      do {
        removed = await remove();
        total += removed;
      } while (removed === batch && !signal.aborted);
      if (signal.aborted) return total;
      if (removed > 0) log.debug({ what, removed }, 'expired rows removed');
    }
    return total;
  }

  return {
    sweepOnce,
    async run(signal: AbortSignal): Promise<void> {
      const waiter = createWaiter(deps.intervalMs, signal);
      while (!signal.aborted) {
        await sweepOnce(signal).then(deps.onSwept, (error: unknown) =>
          log.warn({ err: error }, 'sweep failed, will retry'),
        );
        await waiter.wait();
      }
    },
  };
}
