import { Client } from 'pg';
import { AppError } from '../../errors.ts';
import { systemClock } from '../../lib/clock.ts';
import { serveTask } from '../child/serve-task.ts';
import type { RawInsertInput, RawInsertRate } from './raw-insert.ts';

const SCHEMA = 'authctl_bench_limit';

/** A crashed run's copy is replaced; `LIKE` copies everything but the foreign key. */
const CREATE = `
  DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE;
  CREATE SCHEMA ${SCHEMA};
  CREATE TABLE ${SCHEMA}.users (LIKE public.users INCLUDING ALL);
  CREATE TABLE ${SCHEMA}.credentials (LIKE public.credentials INCLUDING ALL);
  ALTER TABLE ${SCHEMA}.credentials ADD FOREIGN KEY (user_id)
    REFERENCES ${SCHEMA}.users (id) ON DELETE CASCADE ON UPDATE CASCADE;
`;

const INSERT = `
  WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bytea[], $5::bytea[])
      AS t (id, email, created_at, salt, pending)
  ), created AS (
    INSERT INTO ${SCHEMA}.users (id, email, status, created_at, updated_at)
    SELECT id, email, 'active', created_at, created_at FROM input
    ON CONFLICT DO NOTHING RETURNING id
  ), credential AS (
    INSERT INTO ${SCHEMA}.credentials
      (user_id, pepper_kid, salt, pending, pending_since, updated_at)
    SELECT id, 'bench', salt, pending, created_at, created_at FROM input JOIN created USING (id)
  )
  SELECT id FROM created`;

const CREATED_AT = '2026-01-01T00:00:00.000Z';
const SALT = Buffer.alloc(16, 1);
const PENDING = Buffer.alloc(32, 2);

serveTask<RawInsertInput, RawInsertRate>(async (input) => {
  const clients = await Promise.all(
    Array.from({ length: input.connections }, () => connect(input.connectionString)),
  );
  const [first] = clients;
  try {
    await first!.query(CREATE);
    return await insertFor(clients, input);
  } finally {
    await first!.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`);
    await Promise.all(clients.map((client) => client.end()));
  }
});

async function insertFor(
  clients: readonly Client[],
  { batchSize, durationMs }: RawInsertInput,
): Promise<RawInsertRate> {
  const startedAt = systemClock.monotonicMs();
  const elapsed = () => systemClock.monotonicMs() - startedAt;
  let next = 0;
  let rows = 0;
  await Promise.all(
    clients.map(async (client) => {
      while (elapsed() < durationMs) {
        const batch = Array.from({ length: batchSize }, () => next++);
        const result = await client.query({ name: 'bench', text: INSERT, values: columns(batch) });
        rows += result.rowCount ?? 0;
      }
    }),
  );
  return { rows, perSecond: (rows * 1_000) / elapsed() };
}

/** Ids that grow as UUIDv7 do, so that the index is filled from its end as in the product. */
function columns(batch: readonly number[]): unknown[] {
  return [
    batch.map((n) => `01900000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`),
    batch.map((n) => `u${String(n).padStart(9, '0')}-limit@bench.example`),
    batch.map(() => CREATED_AT),
    batch.map(() => SALT),
    batch.map(() => PENDING),
  ];
}

async function connect(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  await client.connect().catch((cause: unknown) => {
    throw new AppError('dependency_unreachable', {
      text: 'The database of the benchmark cannot be reached.',
      cause,
    });
  });
  return client;
}
