import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { eventually } from '../../support/eventually.ts';
import { type PostgresProxy, startPostgresProxy } from '../../support/postgres-proxy.ts';

let direct: TestAppliance;
let proxy: PostgresProxy;
let node: TestAppliance;

beforeAll(async () => {
  const env = { AUTHCTL_HASH_MODE: 'deferred', AUTHCTL_REGISTRATION_BATCH_SIZE: '7' };
  direct = await startAppliance({ env });
  proxy = await startPostgresProxy(direct.core.store.connectionString);
  node = await startAppliance({
    env: { ...env, AUTHCTL_DATABASE_URL: proxy.connectionString },
    beside: direct,
  });
});
afterAll(async () => {
  await node.stop();
  await proxy.close();
  await direct.stop();
});

const password = 'correct horse battery staple';

function register(email: string, headers: Record<string, string> = {}): Promise<Answer> {
  return node.call('/v1/register', { body: { email, password }, headers });
}

const emails = (count: number, domain: string, name: string) =>
  Array.from({ length: count }, (_, index) => `${name}${index}@${domain}`);

/** How many accounts each address has: exactly one, or the address is missing here. */
async function stored(like: string): Promise<Map<string, number>> {
  const rows = await direct.sql<{ email: string; accounts: number }>(
    `SELECT email, count(*)::int AS accounts FROM users JOIN credentials ON user_id = id
     WHERE email LIKE $1 GROUP BY email`,
    [like],
  );
  return new Map(rows.map(({ email, accounts }) => [email, accounts]));
}

test('answers lost after the commit are settled: every account exists once, and no 409 is wrong', async () => {
  const all = emails(60, 'open.example', 'lost');
  const lostBefore = proxy.lost();
  proxy.loseAnswers('registrations.insert', 4);
  const answers = await Promise.all(all.map((email) => register(email)));
  expect(answers.map(({ status }) => status)).toEqual(all.map(() => 201));
  expect(proxy.lost() - lostBefore).toBe(4);
  expect(await stored('lost%')).toEqual(new Map(all.map((email) => [email, 1])));
});

test('a truly taken address is still taken when the answer was lost', async () => {
  expect((await register('owned@open.example')).status).toBe(201);
  proxy.loseAnswers('registrations.insert', 1);
  const [taken, fresh] = await Promise.all([
    register('owned@open.example'),
    register('not-owned@open.example'),
  ]);
  expect(taken).toMatchObject({ status: 409, body: { code: 'email_taken' } });
  expect(fresh.status).toBe(201);
});

test('under mailed codes the flow is there once, and nobody is told that their new address is taken', async () => {
  expect((await register('owner@example.com')).status).toBe(202);
  await direct.sql('DELETE FROM mails');
  const all = [...emails(20, 'example.com', 'mailed'), 'owner@example.com'];
  const lostBefore = proxy.lost();
  proxy.loseAnswers('registrations.insert', 3);
  const answers = await Promise.all(all.map((email) => register(email)));
  expect(answers.map(({ status }) => status)).toEqual(all.map(() => 202));
  expect(proxy.lost() - lostBefore).toBe(3);

  const mails = await direct.sql(
    'SELECT kind, recipient FROM mails ORDER BY kind, length(recipient), recipient',
  );
  expect(mails).toEqual([
    { kind: 'address_taken', recipient: 'owner@example.com' },
    ...all.slice(0, 20).map((recipient) => ({ kind: 'verify_email', recipient })),
  ]);
  const flows = await direct.sql(
    `SELECT count(*)::int AS flows, count(DISTINCT user_id)::int AS users FROM flows
     WHERE address LIKE 'mailed%'`,
  );
  expect(flows).toEqual([{ flows: 20, users: 20 }]);
});

test('with an Idempotency-Key the lost answer is given after all, and again', async () => {
  proxy.loseAnswers('registrations.insert', 1);
  const headers = { 'Idempotency-Key': 'lost-answer' };
  const answer = await register('keyed@open.example', headers);
  expect(answer.status).toBe(201);
  expect((await register('keyed@open.example', headers)).body).toEqual(answer.body);
});

test('connections killed amid batches: what is acknowledged exists once, what is refused says 503', async () => {
  const all = emails(400, 'open.example', 'killed');
  const killer = new Client({ connectionString: direct.core.store.connectionString });
  await killer.connect();
  const over = new AbortController();
  const killing = killWriters(killer, 20, over.signal);
  const answers = new Map<string, Answer>();
  const queue = [...all];
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let email = queue.pop(); email; email = queue.pop())
        answers.set(email, await register(email));
    }),
  );
  over.abort();
  expect(await killing).toBeGreaterThan(0);
  await killer.end();
  const unexpected = [...answers.values()].filter(({ status }) => status !== 201 && status !== 503);
  expect(unexpected).toEqual([]);
  const accounts = await stored('killed%');
  for (const [email, { status }] of answers)
    if (status === 201) expect(`${email} ${accounts.get(email)}`).toBe(`${email} 1`);
  expect([...accounts.values()].every((count) => count === 1)).toBe(true);
  await eventually(
    'the node is well again',
    async () => (await register('after@open.example')).status === 201,
  );
});

/** Ends sessions that are writing a batch, some number of times at most; how many it met. */
async function killWriters(client: Client, most: number, over: AbortSignal): Promise<number> {
  let kills = 0;
  while (kills < most && !over.aborted) {
    const { rowCount } = await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND query LIKE 'WITH input%' AND state = 'active'`,
    );
    kills += rowCount ?? 0;
  }
  return kills;
}
