import { afterAll, beforeAll, expect, test } from 'vitest';
import { operations } from '../http/support/operations.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { type PostgresProxy, startPostgresProxy } from '../support/postgres-proxy.ts';

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
    },
    beside: direct,
  });
});
afterAll(async () => {
  await node.stop();
  await proxy.close();
  await direct.stop();
});

const password = 'correct horse battery staple';
const register = (name: string) =>
  node.call('/v1/register', { body: { email: `${name}@open.example`, password } });

/** What a stranger meets on every kind of request. */
async function tryAll(name: string, token: string) {
  const answers = await Promise.all([
    register(name),
    node.call('/v1/login', { body: { email: 'ada@open.example', password } }),
    node.call('/v1/me', { token }),
    node.call('/health'),
  ]);
  return answers.map(({ status, body, headers }) => ({
    status,
    code: body.code,
    retryAfter: headers.has('retry-after'),
  }));
}

/** Nor do the routes that take a body say anything else, one that is right in form. */
async function expectUnavailable(token: string): Promise<void> {
  const calls = (await operations(node)).map(async ({ path, method, usual }) => {
    const factor = path === '/v1/login/two-factor' ? { code: '123456' } : {};
    const body = { ...usual, ...factor };
    const { status, body: problem, headers } = await node.call(path, { method, body, token });
    const retryAfter = headers.has('retry-after');
    return { route: `${method} ${path}`, status, code: problem.code, retryAfter };
  });
  const unavailable = { status: 503, code: 'unavailable', retryAfter: true };
  for (const answer of await Promise.all(calls))
    expect(answer).toEqual({ route: answer.route, ...unavailable });
}

for (const [how, breakDown, mend] of [
  ['refuses connections', () => proxy.down(), () => proxy.up()],
  ['hangs', () => proxy.freeze(), () => proxy.thaw()],
] as const)
  test(`while the database ${how} everything says 503 unavailable, then works again by itself`, async () => {
    const body = { email: 'ada@open.example', password };
    await direct.call('/v1/register', { body });
    const { tokens } = (await direct.call('/v1/login', { body })).body;
    expect((await node.call('/v1/me', { token: tokens.access_token })).status).toBe(200);

    await breakDown();
    // What the node still remembers of keys, domains and sessions is half a second old at most.
    node.clock.advance(1_000);
    const unavailable = { status: 503, code: 'unavailable', retryAfter: true };
    const [met] = await Promise.all([
      tryAll(`away-${how.slice(0, 4)}`, tokens.access_token),
      expectUnavailable(tokens.access_token),
    ]);
    expect(met.slice(0, 3)).toEqual([unavailable, unavailable, unavailable]);
    expect(met[3]).toMatchObject({ status: 503 });

    await mend();
    const name = `back-${how.slice(0, 4)}`;
    await eventually('it registers again', async () => (await register(name)).status === 201);
    await eventually('it is well', async () => (await node.call('/health')).status === 200);
    expect((await node.call('/v1/me', { token: tokens.access_token })).status).toBe(200);
  });
