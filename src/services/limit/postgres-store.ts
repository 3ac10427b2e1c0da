import { type Db, type Statement, statement } from '../../db/database.ts';
import {
  CLOCK_SLACK_MS,
  type Counter,
  type CounterStore,
  type Hit,
  MOST_STRIKES,
} from './counter-store.ts';

interface TakenRow {
  key: string;
  window_ends_at: Date;
}

const RESERVE_ONE = reserveStatement(1);
const RESERVE_TWO = reserveStatement(2);
const FIND_OPENING = statement(
  'limit_counters.find_opening',
  'SELECT greatest(window_ends_at, blocked_until) AS open_at FROM limit_counters WHERE key = $1',
);
const GIVE_BACK = statement(
  'limit_counters.give_back',
  `UPDATE limit_counters
   SET hits = hits - 1, strikes = strikes - (blocked_until IS NOT NULL)::int, blocked_until = NULL
   WHERE key = $1 AND window_ends_at = $2 AND hits > 0`,
);
const CLEAR = statement('limit_counters.clear', 'DELETE FROM limit_counters WHERE key = $1');

/**
 * Counters in the unlogged table `limit_counters`: shared by all processes, kept over their
 * restarts, forgotten only if the database server itself crashes. Each change is one statement on
 * one row, or two rows locked in the order they were named.
 */
export function createPostgresStore(db: Db): CounterStore {
  function toHit({ key, window_ends_at }: TakenRow): Hit {
    return {
      async giveBack() {
        await db.execute(GIVE_BACK, [key, window_ends_at]);
      },
    };
  }

  async function findOpening(counter: Counter, now: Date): Promise<Date> {
    const row = (await db.query<{ open_at: Date }>(FIND_OPENING, [counter.key]))[0];
    // Cleared since it was found full: trying again at once is right.
    return row?.open_at ?? now;
  }

  return {
    async reserve(counters, now) {
      const reserve = counters.length === 1 ? RESERVE_ONE : RESERVE_TWO;
      const values = counters.flatMap(({ rule, key }) => [
        key,
        rule.limit,
        rule.windowMs,
        rule.longestBlockMs,
      ]);
      const taken = await db.query<TakenRow>(reserve, [now, ...values]);
      const hits = taken.map(toHit);
      const full = counters[taken.length];
      if (!full) return { full: null, hits };
      await Promise.all(hits.map((hit) => hit.giveBack()));
      return { full, until: await findOpening(full, now) };
    },
    async clear({ key }) {
      await db.execute(CLEAR, [key]);
    },
  };
}

/** Takes from each counter only what the one before it let through; returns those that were taken. */
function reserveStatement(count: number): Statement {
  const steps = Array.from({ length: count }, (_, step) => step);
  return statement(
    `limit_counters.reserve_${count}`,
    `WITH ${steps.map((step) => `step_${step} AS (${takeSql(step)})`).join(', ')}
     ${steps.map((step) => `SELECT * FROM step_${step}`).join(' UNION ALL ')}`,
  );
}

function takeSql(step: number): string {
  const [key, limit, window, longest] = ['text', 'int', 'int', 'int'].map(
    (type, index) => `$${2 + 4 * step + index}::${type}`,
  );
  const now = '$1::timestamptz';
  const windowEnd = `${now} + ${window} * interval '1 ms'`;
  const keep = `${longest} * interval '1 ms'`;
  const block = `least(${window} * 2 ^ c.strikes, ${longest}) * interval '1 ms'`;
  const opensAt = 'greatest(c.window_ends_at, c.blocked_until)';
  const future = `${now} + (greatest(${window}, ${longest}) + ${CLOCK_SLACK_MS}) * interval '1 ms'`;
  const isOver = `(${opensAt} <= ${now} OR ${opensAt} > ${future})`;
  const previous = step === 0 ? '' : `WHERE EXISTS (SELECT FROM step_${step - 1})`;
  // The three rows the inner SELECT can give: a new window, one more hit, the hit that fills it.
  return `
    INSERT INTO limit_counters AS c (key, hits, window_ends_at, expires_at)
    SELECT ${key}, 1, ${windowEnd}, ${windowEnd} + ${keep} ${previous}
    ON CONFLICT (key) DO UPDATE SET (hits, strikes, window_ends_at, blocked_until, expires_at) = (
      SELECT 1, CASE WHEN c.expires_at > ${now} THEN c.strikes ELSE 0 END,
             EXCLUDED.window_ends_at, NULL::timestamptz, EXCLUDED.expires_at
      WHERE ${isOver}
      UNION ALL
      SELECT c.hits + 1, c.strikes, c.window_ends_at, NULL, c.expires_at
      WHERE NOT ${isOver} AND c.hits + 1 < ${limit}
      UNION ALL
      SELECT c.hits + 1, least(c.strikes + 1, ${MOST_STRIKES}), c.window_ends_at, blocked_until,
             greatest(c.window_ends_at, blocked_until) + ${keep}
      FROM (SELECT ${now} + ${block}) AS full_now (blocked_until)
      WHERE NOT ${isOver} AND c.hits + 1 = ${limit})
    WHERE c.hits < ${limit} OR ${isOver}
    RETURNING c.key, c.window_ends_at`;
}
