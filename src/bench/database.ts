import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { Scope } from '../lib/lifecycle.ts';
import {
  type DatabaseCounters,
  disconnectAppliance,
  readDatabaseCounters,
} from './database-activity.ts';

/** What a benchmark asks the throwaway's database directly. */
export interface BenchDatabase {
  /** Credentials that wait for their final hash. */
  countPending(): Promise<number>;
  /** Bytes of write-ahead log written so far. */
  walBytes(): Promise<number>;
  /**
   * All that PostgreSQL has counted so far. For that it ends the connections of the appliance, which
   * must be idle, and resolves when they have been opened again.
   */
  settledCounters(): Promise<DatabaseCounters>;
  /** Adds users with finished credentials by plain SQL, and lets the planner know of them. */
  addUsers(count: number): Promise<void>;
}

/** Any string of the right form: nobody logs in as these users. */
const UNUSED_PHC = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA';

const ADD_USERS = `
  WITH created AS (
    INSERT INTO users (id, email, status, created_at, updated_at)
    SELECT ('01800000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           'preloaded-' || n || '@bench.example', 'active', now(), now()
    FROM generate_series($1::int, $2::int) AS n
    RETURNING id
  )
  INSERT INTO credentials (user_id, phc, updated_at) SELECT id, $3, now() FROM created`;

const CHUNK = 50_000;
/** A process that listens for notifications connects again after a second. */
const RECONNECT_MS = 1_500;

export async function openBenchDatabase(
  scope: Scope,
  connectionString: string,
): Promise<BenchDatabase> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  await client.connect();
  scope.defer('connection of the benchmark', () => client.end());

  async function one(sql: string): Promise<number> {
    const { rows } = await client.query<{ value: string }>(sql);
    return Number(rows[0]?.value);
  }

  return {
    countPending: () =>
      one(
        'SELECT count(*) AS value FROM credentials WHERE pending IS NOT NULL AND parked_at IS NULL',
      ),
    walBytes: () => one("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS value"),
    async settledCounters() {
      await disconnectAppliance(client);
      const counters = await readDatabaseCounters(client);
      await sleep(RECONNECT_MS);
      return counters;
    },
    async addUsers(count) {
      for (let from = 1; from <= count; from += CHUNK) {
        const to = Math.min(count, from + CHUNK - 1);
        await client.query(ADD_USERS, [from, to, UNUSED_PHC]);
      }
      await client.query('VACUUM (ANALYZE) users, credentials');
    },
  };
}
