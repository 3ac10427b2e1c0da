import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'pg';

/** What a database did between two readings of PostgreSQL's own counters. */
export interface DatabaseActivity {
  /** Transactions; a statement outside of one is one. */
  readonly commits: number;
  readonly rollbacks: number;
  readonly rowsInserted: number;
  readonly rowsUpdated: number;
  readonly rowsDeleted: number;
  readonly deadlocks: number;
  /** Written to temporary files, by sorts and joins that did not fit into memory. */
  readonly tempBytes: number;
  /** Pages found in shared buffers, and pages that were not. */
  readonly buffersHit: number;
  readonly buffersRead: number;
  /** Pages the checkpointer and the background writer wrote. */
  readonly buffersWritten: number;
  /** Of the whole server, as the log and the checkpoints are. */
  readonly walRecords: number;
  readonly walBytes: number;
  /** Pages logged whole: the first change of each after a checkpoint. */
  readonly walFullPages: number;
  /** Scheduled and requested. */
  readonly checkpoints: number;
}

/** The counters of the statistics views by column, since their last reset. */
export type DatabaseCounters = Readonly<Record<string, unknown>>;

/**
 * The columns that are added up: those of PostgreSQL 15 and 16 (pg_stat_bgwriter) and of 17 and 18
 * (pg_stat_checkpointer). No server has both.
 */
const COLUMNS: Readonly<Record<keyof DatabaseActivity, readonly string[]>> = {
  commits: ['xact_commit'],
  rollbacks: ['xact_rollback'],
  rowsInserted: ['tup_inserted'],
  rowsUpdated: ['tup_updated'],
  rowsDeleted: ['tup_deleted'],
  deadlocks: ['deadlocks'],
  tempBytes: ['temp_bytes'],
  buffersHit: ['blks_hit'],
  buffersRead: ['blks_read'],
  buffersWritten: ['buffers_clean', 'buffers_checkpoint', 'buffers_written'],
  walRecords: ['wal_records'],
  walBytes: ['wal_bytes'],
  walFullPages: ['wal_fpi'],
  checkpoints: ['checkpoints_timed', 'checkpoints_req', 'num_timed', 'num_requested'],
};

const COUNTERS = `
  SELECT to_jsonb(d) || to_jsonb(w) || to_jsonb(b) AS counters
  FROM pg_stat_database d, pg_stat_wal w, pg_stat_bgwriter b
  WHERE d.datname = current_database()`;
const CHECKPOINTER = 'SELECT to_jsonb(c) AS counters FROM pg_stat_checkpointer c';
const CHECKPOINTER_SINCE = 170_000;

/**
 * Reads the counters of the connected database and its server. They lag: a process of PostgreSQL
 * hands its counts in once a second while it works, up to ten seconds after its last transaction, and
 * at once when its connection ends.
 */
export async function readDatabaseCounters(client: Client): Promise<DatabaseCounters> {
  const one = async (sql: string): Promise<Record<string, unknown>> =>
    (await client.query<{ counters: Record<string, unknown> }>(sql)).rows[0]?.counters ?? {};
  const { rows } = await client.query<{ version: number }>(
    `SELECT current_setting('server_version_num')::int AS version`,
  );
  const hasCheckpointer = rows[0]!.version >= CHECKPOINTER_SINCE;
  return { ...(await one(COUNTERS)), ...(hasCheckpointer ? await one(CHECKPOINTER) : {}) };
}

/** The difference of two readings. */
export function activityBetween(
  before: DatabaseCounters,
  after: DatabaseCounters,
): DatabaseActivity {
  const grown = (column: string) => Number(after[column] ?? 0) - Number(before[column] ?? 0);
  const sums = Object.entries(COLUMNS).map(([name, columns]) => [
    name,
    columns.reduce((sum, column) => sum + grown(column), 0),
  ]);
  return Object.fromEntries(sums) as Record<keyof DatabaseActivity, number>;
}

const ENDED_POLL_MS = 20;
/** A process of PostgreSQL ends within milliseconds of its connection. */
const ENDED_POLLS = 100;
/** What the appliance's processes call themselves: `authctl api`, `authctl worker listen`. */
const CLIENTS = `datname = current_database() AND application_name LIKE 'authctl %'`;

/**
 * Waits until PostgreSQL's processes for an appliance that has stopped are gone, at most some
 * seconds: with each, the last of its counts is in.
 */
export async function untilDisconnected(client: Client): Promise<void> {
  const sql = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE ${CLIENTS}`;
  for (let poll = 0; poll < ENDED_POLLS; poll++) {
    const { rows } = await client.query<{ count: number }>(sql);
    if (rows[0]?.count === 0) return;
    await sleep(ENDED_POLL_MS);
  }
}

/** Ends the connections of an appliance that is idle, for their counts; it opens others when it needs them. */
export async function disconnectAppliance(client: Client): Promise<void> {
  await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${CLIENTS}`);
  await untilDisconnected(client);
}
