import { uuidv7 } from '../../crypto/random.ts';
import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';

export interface NodeIdentity {
  readonly kind: 'api' | 'worker';
  readonly host: string;
  readonly pid: number;
  readonly version: string;
}

export interface NodesDeps {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What a process says of itself at every beat. */
export interface Beat {
  readonly hashRate: number;
  /** Requests that wait for a hash: the drain of the same host yields to them. */
  readonly hashWaiting: number;
}

const BEAT = statement(
  'nodes.beat',
  `INSERT INTO nodes (id, kind, host, pid, version, started_at, seen_at, hash_rate, hash_waiting)
   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
   ON CONFLICT (id) DO UPDATE SET seen_at = EXCLUDED.seen_at, hash_rate = EXCLUDED.hash_rate,
     hash_waiting = EXCLUDED.hash_waiting`,
);
const LEAVE = statement('nodes.leave', 'DELETE FROM nodes WHERE id = $1');
const SUMMARY = statement(
  'nodes.summary',
  `SELECT count(*) FILTER (WHERE kind = 'api')::int AS api,
          count(*) FILTER (WHERE kind = 'worker')::int AS workers,
          COALESCE(sum(hash_rate) FILTER (WHERE kind = 'worker'), 0)::float8 AS worker_rate,
          COALESCE(max(hash_rate), 0)::float8 AS best_rate
   FROM nodes WHERE seen_at > $1`,
);
const IS_HOST_BUSY = statement(
  'nodes.is_host_busy',
  `SELECT 1 FROM nodes WHERE host = $1 AND kind = 'api' AND hash_waiting > 0 AND seen_at > $2 LIMIT 1`,
);

const BEAT_MS = 1_000;
/** A node not heard of for this long is gone. */
const LOST_AFTER_MS = 10_000;
/** A beat older than this says nothing about the load now. */
const LOAD_VALID_MS = 3_000;

export interface NodeSummary {
  readonly api: number;
  readonly workers: number;
  /** Hashes per second of all workers together; without any, of the best process. */
  readonly hashRate: number;
}

export type Nodes = ReturnType<typeof createNodes>;

/** The running processes, by heartbeat. Nothing is decided by it that must be right. */
export function createNodes({ db, clock, log }: NodesDeps) {
  const since = (ms: number) => new Date(clock.now().getTime() - ms);
  return {
    /** Announces this process every second until stopped; a missed beat is only logged. */
    start(identity: NodeIdentity, report: () => Beat): { stop(): Promise<void> } {
      const startedAt = clock.now();
      const id = uuidv7(startedAt.getTime());
      let beating = Promise.resolve();
      const beat = () => {
        const { hashRate, hashWaiting } = report();
        const { kind, host, pid, version } = identity;
        const values = [
          id,
          kind,
          host,
          pid,
          version,
          startedAt,
          clock.now(),
          hashRate,
          hashWaiting,
        ];
        beating = db.execute(BEAT, values).then(
          () => undefined,
          (error: unknown) => log.debug({ err: error }, 'heartbeat missed'),
        );
      };
      beat();
      const timer = setInterval(beat, BEAT_MS);
      timer.unref();
      return {
        async stop() {
          clearInterval(timer);
          await beating;
          // Who cannot say goodbye is missed soon.
          await db
            .execute(LEAVE, [id])
            .catch((error: unknown) => log.debug({ err: error }, 'leave'));
        },
      };
    },

    async summary(): Promise<NodeSummary> {
      const rows = await db.query<{
        api: number;
        workers: number;
        worker_rate: number;
        best_rate: number;
      }>(SUMMARY, [since(LOST_AFTER_MS)]);
      const { api, workers, worker_rate, best_rate } = rows[0]!;
      return { api, workers, hashRate: worker_rate > 0 ? worker_rate : best_rate };
    },

    /** Whether requests wait for a hash on a host, so that its workers should step aside. */
    async isHostBusy(host: string): Promise<boolean> {
      return (await db.query(IS_HOST_BUSY, [host, since(LOAD_VALID_MS)])).length > 0;
    },
  };
}
