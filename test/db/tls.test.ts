import { afterAll, beforeAll, expect, test } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/services/audit/actor.ts';
import { startAppliance } from '../support/appliance.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { CERTIFICATE, startPostgresTls } from '../support/postgres-tls.ts';
import { PASSWORD } from '../support/sign-in.ts';

let database: TestDatabase;
let front: Awaited<ReturnType<typeof startPostgresTls>>;

beforeAll(async () => {
  database = await createTestDatabase();
  front = await startPostgresTls(database.connectionString);
});
afterAll(async () => {
  await front.stop();
  await database.drop();
});

/** A whole node on the database behind TLS. */
function start(query: string) {
  const env = { AUTHCTL_DATABASE_URL: front.url + query, AUTHCTL_STARTUP_DEADLINE: '1s' };
  return startAppliance({ database, env });
}

test('a node, its worker and its wake-ups reach a PostgreSQL that speaks TLS only', async () => {
  const appliance = await start(`?sslmode=verify-full&sslrootcert=${CERTIFICATE}`);
  await appliance.startWorker();
  const tls = { name: 'tls.example', trust: true, verification: 'none' } as const;
  await appliance.core.domains.add(SYSTEM_ACTOR, tls);
  const account = { email: 'ada@tls.example', password: PASSWORD };
  await expect
    .poll(() => appliance.call('/v1/register', { body: account }))
    .toMatchObject({ status: 201 });
  const login = await appliance.call('/v1/login', { body: account });
  expect(login).toMatchObject({ status: 200, body: { status: 'authenticated' } });
  await appliance.stop();
});

test.each([
  ['without TLS', '?sslmode=disable', /ended|closed|reset|terminated/i],
  ['of an authority nobody vouched for', '?sslmode=verify-full', /self-signed/],
])('a server %s is not talked to', async (_, query, reason) => {
  await expect(start(query)).rejects.toMatchObject({
    code: 'dependency_unreachable',
    message: expect.stringMatching(reason),
  });
});

test('where a certificate is not known, the way out is named', async () => {
  await expect(start('?sslmode=verify-full')).rejects.toMatchObject({
    hint: expect.stringContaining('sslrootcert'),
  });
});
