import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { type PostgresProxy, startPostgresProxy } from '../support/postgres-proxy.ts';
import { type RegistrationLoad, startRegistrations } from '../support/registration-load.ts';
import { randomMoment } from './journal.ts';

let direct: TestAppliance;
let proxy: PostgresProxy;
let node: TestAppliance;

beforeAll(async () => {
  direct = await startAppliance();
  proxy = await startPostgresProxy(direct.core.store.connectionString);
  node = await startAppliance({
    env: {
      AUTHCTL_DATABASE_URL: proxy.connectionString,
      AUTHCTL_DATABASE_STATEMENT_TIMEOUT: '500ms',
      AUTHCTL_REGISTRATION_MAX_WAIT: '500ms',
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
    },
    beside: direct,
  });
});
afterEach(() => {
  proxy.thaw();
  proxy.delay(0);
});
afterAll(async () => {
  await node.stop();
  await proxy.close();
  await direct.stop();
});
beforeEach(() => direct.sql('TRUNCATE users CASCADE'));

const password = 'correct horse battery staple';
const CONNECTIONS = 20;

async function startLoad(): Promise<RegistrationLoad> {
  const options = { name: 'user', domain: 'open.example', connections: CONNECTIONS };
  const load = startRegistrations(node.url, options);
  await isAtWork(load);
  return load;
}

async function isAtWork(load: RegistrationLoad): Promise<void> {
  const before = load.acknowledged().length;
  await eventually('it registers', () => load.acknowledged().length > before + 100, 20_000);
}

/** Nothing but success and 503, all that was acknowledged there once, and no connection left behind. */
async function expectUnharmed(load: RegistrationLoad): Promise<void> {
  await load.stop();
  const others = load.journal.filter(({ status }) => status !== 201);
  expect(others.filter(({ status, code }) => status !== 503 || code === 'internal')).toEqual([]);
  const rows = await direct.sql<{ email: string }>(
    'SELECT email FROM users AS u JOIN credentials AS c ON c.user_id = u.id',
  );
  const stored = rows.map(({ email }) => email);
  expect(new Set(stored).size).toBe(stored.length);
  expect(load.acknowledged().filter((email) => !stored.includes(email))).toEqual([]);
  expect(node.core.db.stats().total).toBeLessThanOrEqual(10);
  await eventually('PostgreSQL has no connection of which the node knows nothing', async () => {
    const [{ open } = { open: 0 }] = await direct.sql<{ open: number }>(
      `SELECT count(*)::int AS open FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend'`,
    );
    return open === node.core.db.stats().total + direct.core.db.stats().total;
  });
  const body = { email: load.acknowledged().at(-1), password };
  expect((await node.call('/v1/login', { body })).status).toBe(200);
}

for (const direction of ['requests', 'answers'] as const)
  test(`while no ${direction} get through it answers 503; afterwards it works, and all that it said is true`, async () => {
    const load = await startLoad();
    proxy.hold(direction);
    const body = { email: `one-${direction}@open.example`, password };
    const met = Promise.all([
      node.call('/v1/register', { body }),
      node.call('/v1/login', { body }),
      node.call('/health'),
    ]);
    const refused = () => load.journal.filter(({ status }) => status === 503).length;
    await eventually('whoever asked is answered', () => refused() >= CONNECTIONS);
    const [registration, login, health] = await met;
    for (const { status, headers } of [registration, login])
      expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect(health).toMatchObject({ status: 503, body: { checks: { database: 'failing' } } });
    proxy.thaw();
    await isAtWork(load);
    await eventually('it is well', async () => (await node.call('/health')).status === 200);
    await expectUnharmed(load);
  });

test('a storm of resets costs some requests a 503, and nothing that was acknowledged', async () => {
  const load = await startLoad();
  for (let round = 0; round < 20; round += 1) {
    proxy.reset();
    await randomMoment(100);
  }
  await isAtWork(load);
  await expectUnharmed(load);
});

test('a database that is 300 ms away, there and back, serves everything', async () => {
  proxy.delay(150);
  const body = { email: 'far@open.example', password };
  expect((await node.call('/v1/register', { body })).status).toBe(201);
  const { status, body: signedIn } = await node.call('/v1/login', { body });
  expect(status).toBe(200);
  const { access_token: token, refresh_token } = signedIn.tokens;
  expect((await node.call('/v1/me', { token })).status).toBe(200);
  const refreshed = await node.call('/v1/token/refresh', { body: { refresh_token } });
  expect(refreshed.status).toBe(200);
  expect((await node.call('/health')).status).toBe(200);
  expect((await node.call('/v1/logout', { method: 'POST', token })).status).toBe(204);
});
