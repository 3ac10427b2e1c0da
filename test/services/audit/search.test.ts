import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { uuidv7 } from '../../../src/crypto/random.ts';
import type { Actor } from '../../../src/services/audit/actor.ts';
import { recordAudit } from '../../../src/services/audit/record.ts';
import {
  type AuditFilter,
  type AuditSearch,
  createAuditSearch,
} from '../../../src/services/audit/search.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';

let appliance: TestAppliance;
let search: AuditSearch;

beforeAll(async () => {
  appliance = await startAppliance();
  search = createAuditSearch(appliance.core);
});
afterAll(() => appliance.stop());
beforeEach(() => appliance.sql('TRUNCATE audit, users CASCADE'));

const OPERATOR: Actor = { kind: 'operator', id: 'op', ip: '192.0.2.1', requestId: 'r-1' };

function record(action: string, at: Date, userId?: string) {
  return recordAudit(appliance.core.db, { at, action, actor: OPERATOR, userId });
}

async function all(filter: AuditFilter = {}) {
  const records = [];
  for await (const found of search.all(filter)) records.push(found);
  return records;
}

async function register(email: string): Promise<string> {
  const { body } = await appliance.call('/v1/register', {
    body: { email, password: 'correct horse battery' },
    headers: { 'User-Agent': 'test/1', 'X-Request-Id': 'register-1' },
  });
  return body.user.id;
}

test('a registration is a record, though nothing was written but the user', async () => {
  const userId = await register('ada@open.example');
  expect(await appliance.sql('SELECT 1 FROM audit')).toEqual([]);
  expect(await search.list({}, 10)).toEqual([
    {
      id: userId,
      at: expect.any(Date),
      action: 'user.registered',
      result: 'ok',
      actor_kind: 'anonymous',
      actor_id: null,
      user_id: userId,
      ip: '127.0.0.1',
      user_agent: 'test/1',
      request_id: 'register-1',
      detail: null,
    },
  ]);
});

test('an account that an operator made is no registration', async () => {
  await appliance.sql(
    `INSERT INTO users (id, email, created_at, updated_at, created_request_id)
     VALUES ($1, 'made@example.com', now(), now(), 'r-2')`,
    [uuidv7(Date.now())],
  );
  expect(await search.list({}, 10)).toEqual([]);
});

test('records and registrations stand in the order of their time', async () => {
  await record('keys.rotated', new Date());
  const userId = await register('ada@open.example');
  await record('user.locked', new Date(), userId);
  const newest = await search.list({}, 10);
  expect(newest.map(({ action }) => action)).toEqual([
    'user.locked',
    'user.registered',
    'keys.rotated',
  ]);
  expect((await all()).map(({ id }) => id)).toEqual(newest.map(({ id }) => id).reverse());
});

test('filters: user, action, area, time; a malformed id matches nothing', async () => {
  const userId = await register('ada@open.example');
  const at = (minute: number) => new Date(Date.UTC(2026, 2, 1, 12, minute));
  await record('password.changed', at(1), userId);
  await record('password.reset', at(2), uuidv7(Date.now()));
  await record('passwords.imported', at(3));
  const actions = async (filter: AuditFilter) =>
    (await all(filter)).map(({ action }) => action).toSorted((a, b) => (a < b ? -1 : 1));

  expect(await actions({ userId })).toEqual(['password.changed', 'user.registered']);
  expect(await actions({ action: 'password.changed' })).toEqual(['password.changed']);
  expect(await actions({ action: 'password.*' })).toEqual(['password.changed', 'password.reset']);
  expect(await actions({ since: at(2), until: at(3) })).toEqual(['password.reset']);
  expect(await actions({ since: at(3) })).toEqual(['passwords.imported', 'user.registered']);
  expect(await actions({ action: '%' })).toEqual([]);
  expect(await actions({ userId: 'nobody' })).toEqual([]);
});

test('pages of the list meet without a gap or a double', async () => {
  for (let count = 0; count < 7; count += 1) await record(`test.${count}`, new Date());
  const seen: string[] = [];
  for (let before: string | undefined; ; ) {
    const page = await search.list({}, 3, before);
    seen.push(...page.map(({ action }) => action));
    before = page.at(-1)?.id;
    if (page.length < 3) break;
  }
  expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map((count) => `test.${count}`));
});

test('an export longer than a page is whole', async () => {
  await appliance.sql(
    `INSERT INTO audit (id, at, action, actor_kind)
     SELECT ('019ab3c4-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, now(), 'test.n' || n, 'system'
     FROM generate_series(1, 2500) AS n`,
  );
  const records = await all();
  expect(records).toHaveLength(2_500);
  expect(new Set(records.map(({ id }) => id)).size).toBe(2_500);
});

test('a page is read by key, however many users there are', async () => {
  await appliance.sql(
    `INSERT INTO users (id, email, created_at, updated_at, created_ip)
     SELECT ('019ab3c4-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, n || '@example.com',
            now(), now(), '192.0.2.1'
     FROM generate_series(1, 20000) AS n`,
  );
  await appliance.sql('ANALYZE users');
  const plans: string[] = [];
  const db = {
    ...appliance.core.db,
    async query<Row>(what: { text: string }, values?: readonly unknown[]): Promise<Row[]> {
      const rows = await appliance.sql<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ${what.text}`,
        [...(values ?? [])],
      );
      plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
      return [];
    },
  };
  await createAuditSearch({ db }).list({}, 50);
  expect(plans[0]).toContain('users_pkey');
  expect(plans[0]).not.toMatch(/Seq Scan on users/);
});
