import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { siblingModule } from '../../../src/bench/child/sibling-module.ts';
import { measureRawArgon2 } from '../../../src/bench/limits/raw-argon2.ts';
import { measureRawInsert } from '../../../src/bench/limits/raw-insert.ts';
import { measureRawPaseto } from '../../../src/bench/limits/raw-paseto.ts';
import { startServerProcess } from '../../../src/bench/limits/server-process.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const COST = { memoryKib: 64, passes: 1, parallelism: 1 };

describe('limits', () => {
  let database: TestDatabase;
  let client: Client;

  beforeAll(async () => {
    database = await createTestDatabase();
    client = new Client({ connectionString: database.connectionString });
    await client.connect();
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  it.each(['node-rs', 'argon2', 'auto'] as const)('raw Argon2id: %s', async (engine) => {
    const rate = await measureRawArgon2({ engine, ...COST, slots: 2, durationMs: 50 });
    expect(rate.hashes).toBeGreaterThan(0);
    expect(rate.perSecond).toBeGreaterThan(0);
    expect(['node-rs', 'argon2']).toContain(rate.engine);
  });

  it.each(['sign', 'verify'] as const)('raw PASETO: %s', async (operation) => {
    const { perSecond } = await measureRawPaseto({ operation, inFlight: 2, durationMs: 50 });
    expect(perSecond).toBeGreaterThan(0);
  });

  it('raw insert: into copies of the tables, which are gone afterwards', async () => {
    const { connectionString } = database;
    const input = { connectionString, batchSize: 50, connections: 2, durationMs: 100 };
    const { rows, perSecond } = await measureRawInsert(input);
    expect(rows % 50).toBe(0);
    expect(rows).toBeGreaterThan(0);
    expect(perSecond).toBeGreaterThan(0);
    const left = await client.query<{ users: number; schemas: number }>(
      `SELECT (SELECT count(*)::int FROM users) AS users,
              (SELECT count(*)::int FROM pg_namespace WHERE nspname LIKE 'authctl_bench%') AS schemas`,
    );
    expect(left.rows).toEqual([{ users: 0, schemas: 0 }]);
  });

  it('raw insert: a database that is not there is an unreachable dependency', async () => {
    const connectionString = 'postgres://x:y@127.0.0.1:1/none';
    const input = { connectionString, batchSize: 1, connections: 1, durationMs: 10 };
    await expect(measureRawInsert(input)).rejects.toMatchObject({ code: 'dependency_unreachable' });
  });

  it('ends with the signal', async () => {
    const signal = AbortSignal.timeout(300);
    const running = measureRawArgon2(
      { engine: 'auto', ...COST, slots: 1, durationMs: 60_000 },
      signal,
    );
    await expect(running).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it('a server that ends before it listens is an error', async () => {
    const module = siblingModule('../support/nothing', import.meta.url);
    await expect(startServerProcess(module)).rejects.toMatchObject({ code: 'internal' });
  });

  it('the static server answers registrations, with the same validation, until it is stopped', async () => {
    const module = siblingModule('../../../src/app/static-server-process', import.meta.url);
    const server = await startServerProcess(module);
    const register = (body: unknown) =>
      fetch(`${server.url}/v1/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const user = { email: 'Ada@Bench.Example', password: 'Quiet-Lagoon-Traverse-88' };
    const [first, second] = [await register(user), await register(user)];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(await first.json()).toMatchObject({
      status: 'registered',
      user: { email: 'ada@bench.example', status: 'active' },
    });
    expect((await register({ ...user, password: 'short' })).status).toBe(422);
    expect((await register({ ...user, role: 'root' })).status).toBe(422);
    await server.stop();
    await expect(register(user)).rejects.toThrow();
  });
});
