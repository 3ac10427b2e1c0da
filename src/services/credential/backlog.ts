import { type Db, statement } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import { shareRun } from '../../lib/share-run.ts';

export interface Backlog {
  /** Takes one place in the backlog of pending hashes; false when it is full. */
  admit(): Promise<boolean>;
  /** When a refused caller may try again: the time the drain needs for a tenth of the bound. */
  retryAfterSeconds(): number;
}

export interface BacklogDeps {
  readonly db: Db;
  readonly clock: Clock;
  /** Hashes per second this host can do: what drains the backlog. */
  ratePerSecond(): number;
  /** How old a pending row may become (`hash.backlog_max_age`). */
  readonly maxAgeMs: number;
}

// Counting stops one past the bound, so that a full backlog costs no more than the bound itself.
const COUNT_PENDING = statement(
  'credentials.count_pending',
  `SELECT count(*)::int AS pending FROM (
     SELECT 1 FROM credentials WHERE pending IS NOT NULL AND parked_at IS NULL LIMIT $1
   ) AS rows`,
);

const RECOUNT_MS = 1_000;
/** A long backlog takes long to count: counting gets a tenth of the time at most. */
const COUNTING_SHARE = 10;
/** Nothing is admitted by an older count: the database may be away. */
const OLDEST_COUNT_MS = 10_000;

/**
 * The bound that keeps deferral honest: pending rows ≤ hash rate × maximum age. Between two counts
 * this node adds what it admitted itself; what other nodes admitted is seen by the next count. Nobody
 * waits for that while there is room, and nobody is refused by an old one.
 */
export function createBacklog({ db, clock, ratePerSecond, maxAgeMs }: BacklogDeps): Backlog {
  let pending = 0;
  let admitted = 0;
  let countedAt = Number.NEGATIVE_INFINITY;
  let countTookMs = 0;

  const bound = () => Math.max(1, Math.floor((ratePerSecond() * maxAgeMs) / 1_000));

  const count = shareRun(async () => {
    const startedAt = clock.monotonicMs();
    const admittedBefore = admitted;
    const rows = await db.query<{ pending: number }>(COUNT_PENDING, [bound() + 1]);
    // Those admitted meanwhile may be in the count already: rather one too many than one too few.
    pending = rows[0]!.pending + admitted - admittedBefore;
    countedAt = clock.monotonicMs();
    countTookMs = countedAt - startedAt;
  });

  return {
    async admit() {
      const limit = bound();
      const ageMs = clock.monotonicMs() - countedAt;
      if (ageMs > Math.max(RECOUNT_MS, countTookMs * COUNTING_SHARE)) {
        const counted = count();
        // Not everybody who starts a count waits for it.
        counted.catch(() => undefined);
        if (pending >= limit || ageMs > OLDEST_COUNT_MS) await counted;
      }
      if (pending >= limit) return false;
      pending += 1;
      admitted += 1;
      return true;
    },
    retryAfterSeconds: () => Math.min(60, Math.max(1, Math.ceil(maxAgeMs / 1_000 / 10))),
  };
}
