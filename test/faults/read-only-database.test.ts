import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { query } from '../db/embedded/members.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from '../support/process.ts';

let node: TestAppliance;
let connectionString: string;
let beside: Installation;

beforeEach(async () => {
  node = await startAppliance();
  connectionString = node.core.store.connectionString;
  beside = await createInstallation({
    AUTHCTL_DATABASE_URL: connectionString,
    AUTHCTL_MASTER_KEY: node.core.config.masterKey!.reveal(),
    AUTHCTL_STARTUP_DEADLINE: '20s',
    AUTHCTL_LOG_LEVEL: 'warn',
  });
});
afterEach(async () => {
  await closeForWriting(false);
  await beside.remove();
  await node.stop();
});

/** What a failover leaves to whoever is still connected to the old primary, or comes to a standby. */
async function closeForWriting(isClosed: boolean): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query('SET default_transaction_read_only = off');
  const [row] = (await client.query('SELECT current_database() AS name')).rows;
  await client.query(
    `ALTER DATABASE ${row.name} SET default_transaction_read_only = ${isClosed ? 'on' : 'off'}`,
  );
  // What a session was told at its beginning lasts as long as it does.
  await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  await client.end();
}

const password = 'correct horse battery staple';

test('what needs to write says 503 while the database is read-only, health says why, and it recovers by itself', async () => {
  const body = { email: 'ada@open.example', password };
  await node.call('/v1/register', { body });
  const { tokens } = (await node.call('/v1/login', { body })).body;
  await closeForWriting(true);

  const isRefused = ({ status, body, headers }: Answer) =>
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
  isRefused(await node.call('/v1/register', { body: { ...body, email: 'bob@open.example' } }));
  isRefused(await node.call('/v1/login', { body }));
  isRefused(
    await node.call('/v1/token/refresh', { body: { refresh_token: tokens.refresh_token } }),
  );
  isRefused(await node.call('/v1/logout', { method: 'POST', token: tokens.access_token }));
  expect((await node.call('/v1/me', { token: tokens.access_token })).status).toBe(200);
  const health = await node.call('/health');
  expect(health).toMatchObject({ status: 503, body: { checks: { database: 'failing' } } });
  await expect(beside.run('users', 'lock', body.email)).rejects.toThrow('ended with 3');
  expect(await beside.run('users', 'list')).toContain(body.email);
  await expect(beside.run('doctor', '--json')).rejects.toThrow('ended with 1');

  await closeForWriting(false);
  await eventually('it is well', async () => (await node.call('/health')).status === 200);
  expect((await node.call('/v1/login', { body })).status).toBe(200);
});

test('a start waits for a standby that takes over', async () => {
  await closeForWriting(true);
  const starting = beside.serve('--no-worker');
  const isWaiting = () => query(connectionString, WAITING).then((rows) => rows.length > 0);
  await eventually('it asks', isWaiting, 20_000);
  await closeForWriting(false);
  const api = await starting;
  expect((await fetch(`${api.url}/health`)).status).toBe(200);
  expect(await api.end('SIGTERM')).toBe(0);
});

const WAITING = `SELECT FROM pg_stat_activity WHERE application_name = 'authctl api'
  AND datname = current_database() AND query LIKE '%transaction_read_only%'`;
