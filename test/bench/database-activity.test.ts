import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  activityBetween,
  disconnectAppliance,
  readDatabaseCounters,
  untilDisconnected,
} from '../../src/bench/database-activity.ts';
import { readMachineFacts, startMeasuring } from '../../src/bench/machine.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

describe('what a database did', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase();
  });

  afterAll(() => database.drop());

  async function asAppliance(work: (client: Client) => Promise<unknown>): Promise<void> {
    const { connectionString } = database;
    const client = new Client({ connectionString, application_name: 'authctl api' });
    await client.connect();
    await work(client);
    await client.end();
  }

  async function readCounters() {
    const client = new Client({ connectionString: database.connectionString });
    await client.connect();
    await untilDisconnected(client);
    const counters = await readDatabaseCounters(client);
    await client.end();
    return counters;
  }

  it('is complete as soon as its clients are gone', async () => {
    await asAppliance((client) => client.query('CREATE TABLE things (n int)'));
    const before = await readCounters();
    await asAppliance(async (client) => {
      await client.query('INSERT INTO things SELECT generate_series(1, 100)');
      await client.query('UPDATE things SET n = -n WHERE n <= 30');
      await client.query('DELETE FROM things WHERE n > 90');
      await client.query('BEGIN');
      await client.query('INSERT INTO things VALUES (0)');
      await client.query('ROLLBACK');
    });
    const activity = activityBetween(before, await readCounters());
    expect(activity).toMatchObject({ rollbacks: 1, deadlocks: 0, tempBytes: 0 });
    // Statistics of the new table may be gathered meanwhile, and are rows, too.
    expect(activity.rowsInserted).toBeGreaterThanOrEqual(101);
    expect(activity.rowsUpdated).toBeGreaterThanOrEqual(30);
    expect(activity.rowsDeleted).toBeGreaterThanOrEqual(10);
    expect(activity.commits).toBeGreaterThanOrEqual(3);
    expect(activity.walRecords).toBeGreaterThan(140);
    expect(activity.walBytes).toBeGreaterThan(140 * 24);
  });

  it('is complete while an idle appliance stays, which loses its connections', async () => {
    await asAppliance((client) => client.query('CREATE TABLE kept (n int)'));
    const { connectionString } = database;
    const appliance = new Client({ connectionString, application_name: 'authctl api' });
    appliance.on('error', () => undefined);
    const reader = new Client({ connectionString });
    await Promise.all([appliance.connect(), reader.connect()]);
    // The first transaction hands its counts in at once; the next ones keep theirs for a while.
    await appliance.query('SELECT 1');
    const before = await readDatabaseCounters(reader);
    for (let n = 0; n < 20; n++) await appliance.query('INSERT INTO kept VALUES (1)');
    await disconnectAppliance(reader);
    const activity = activityBetween(before, await readDatabaseCounters(reader));
    await appliance.end();
    await reader.end();
    expect(activity.rowsInserted).toBeGreaterThanOrEqual(20);
    expect(activity.commits).toBeGreaterThanOrEqual(20);
  });

  it('stands in a report with the settings that decide what it costs', async () => {
    const measured = await startMeasuring(database.connectionString);
    await asAppliance((client) => client.query('CREATE TABLE others AS SELECT 1 AS n'));
    const { database: facts } = await readMachineFacts(undefined, measured);
    expect(facts?.settings).toMatchObject({ wal_level: 'replica', work_mem: '4MB' });
    expect(facts?.activity?.rowsInserted).toBeGreaterThan(0);
  });

  it('is read from the columns that each version has', () => {
    const nothing = { wal_records: 0, wal_bytes: 0, wal_fpi: 0, xact_commit: 0 };
    const to16 = { checkpoints_timed: 2, checkpoints_req: 1, buffers_checkpoint: 40 };
    const from17 = { num_timed: 2, num_requested: 1, buffers_written: 40 };
    for (const columns of [to16, from17]) {
      const after = { ...nothing, ...columns, buffers_clean: 5, wal_bytes: 1e12, xact_commit: 7 };
      expect(activityBetween(nothing, after)).toMatchObject({
        checkpoints: 3,
        buffersWritten: 45,
        walBytes: 1e12,
        commits: 7,
        deadlocks: 0,
      });
    }
  });
});
