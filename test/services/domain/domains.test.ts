import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cliActor } from '../../../src/services/audit/actor.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';
import { type DnsServer, startDns } from '../../support/dns.ts';
import { eventually } from '../../support/eventually.ts';
import { PASSWORD, QUICK_SIGN_IN } from '../../support/sign-in.ts';

const actor = cliActor('tester');
const byTester = 'cli:tester';

let node: TestAppliance;
let dns: DnsServer;
let names = 0;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
  dns = await startDns();
});
afterAll(async () => {
  await dns.close();
  await node.stop();
});

function newName(): string {
  names += 1;
  return `shop-${names}.example`;
}

/** A pending domain, and what is expected of its record. */
async function pending() {
  const { name, record, status } = await node.core.domains.add(actor, { name: newName() });
  expect(status).toBe('pending');
  return { name, record, verify: () => node.core.domains.verify(actor, name, dns.address) };
}

async function audited(name: string): Promise<unknown[]> {
  return node.sql(
    `SELECT action, actor_kind, actor_id, detail - 'domain' AS detail FROM audit
     WHERE detail->>'domain' = $1 ORDER BY at, id`,
    [name],
  );
}

async function register(domain: string): Promise<number> {
  const email = `${Math.random().toString(36).slice(2)}@${domain}`;
  return (await node.call('/v1/register', { body: { email, password: PASSWORD } })).status;
}

describe('the DNS proof', () => {
  test('is the exact value in a TXT record of its own name, also beside others and in pieces', async () => {
    const { name, record, verify } = await pending();
    const half = record.value.length / 2;
    dns.answer(record.name, [
      ['v=spf1 -all'],
      [record.value.slice(0, half), record.value.slice(half)],
    ]);
    expect(await verify()).toMatchObject({ name, status: 'verified', verified_by: 'dns' });
    expect(dns.asked).toContain(record.name);
    expect(await audited(name)).toContainEqual({
      action: 'domain.verified',
      actor_kind: 'cli',
      actor_id: 'tester',
      detail: { by: 'dns' },
    });
    // Once verified, nobody is asked again.
    dns.answer(record.name, 'nxdomain');
    expect(await verify()).toMatchObject({ status: 'verified' });
  });

  test('fails on anything else, and says what to publish', async () => {
    const { name, record, verify } = await pending();
    const wrong = [
      [],
      [['']],
      [[record.value.toUpperCase()]],
      [[`${record.value} `]],
      [[`"${record.value}"`]],
      [[record.value.slice(0, -1)]],
      [[record.value.slice(0, 10)], [record.value.slice(10)]],
      'nxdomain',
    ] as const;
    for (const answer of wrong) {
      dns.answer(record.name, answer);
      await expect(verify()).rejects.toMatchObject({
        code: 'conflict',
        exitCode: 1,
        hint: `publish it: ${record.name}. IN TXT "${record.value}"`,
      });
    }
    const listed = (await node.core.domains.list()).find((domain) => domain.name === name);
    expect(listed).toMatchObject({ status: 'pending', verified_by: null });
    expect(await register(name)).toBe(403);
  });

  test.each(['silence', 'refused'] as const)(
    'is not decided by a server whose answer is %s: a dependency is away',
    async (answer) => {
      const { record, verify } = await pending();
      dns.answer(record.name, answer);
      await expect(verify()).rejects.toMatchObject({
        code: 'dependency_unreachable',
        exitCode: 3,
      });
    },
  );

  test('is not asked of a server that is none', async () => {
    const { name } = await pending();
    for (const resolver of ['', 'a b', 'host:port', '127.0.0.1:99999', '127.0.0.1:0', ':53'])
      await expect(node.core.domains.verify(actor, name, resolver)).rejects.toMatchObject({
        code: 'usage',
      });
    const port = dns.address.split(':')[1];
    await expect(node.core.domains.verify(actor, name, `localhost:${port}`)).rejects.toMatchObject({
      code: expect.stringMatching(/conflict|dependency_unreachable/),
    });
  });

  test('another domain’s token proves nothing', async () => {
    const mine = await pending();
    const theirs = await pending();
    dns.answer(theirs.record.name, [[mine.record.value]]);
    await expect(theirs.verify()).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('trust', () => {
  test('takes the place of a proof, and the audit remembers who vouched', async () => {
    const { name } = await pending();
    expect(await node.core.domains.trust(actor, name)).toMatchObject({
      status: 'verified',
      verified_by: byTester,
    });
    const trusted = await node.core.domains.add(actor, { name: newName(), trust: true });
    expect(trusted).toMatchObject({ status: 'verified', verified_by: byTester });
    expect(await audited(trusted.name)).toEqual([
      {
        action: 'domain.added',
        actor_kind: 'cli',
        actor_id: 'tester',
        detail: { trusted: true, verification: 'email_code' },
      },
    ]);
  });
});

test('many who vouch for one domain at once verify it once, on record', async () => {
  const { name } = await pending();
  const all = await Promise.all(
    Array.from({ length: 10 }, () => node.core.domains.trust(actor, name)),
  );
  for (const domain of all) expect(domain.status).toBe('verified');
  const actions = (await audited(name)).map((record) => (record as { action: string }).action);
  expect(actions).toEqual(['domain.added', 'domain.verified']);
});

describe('seeding', () => {
  test('twice changes nothing, and only what the list says', async () => {
    const [first, second] = [newName(), newName()];
    const seeds = [{ name: first, trust: true }, { name: second.toUpperCase() }];
    const once = await node.core.domains.seed(actor, seeds);
    expect(once.map(({ name, status }) => [name, status])).toEqual([
      [first, 'verified'],
      [second, 'pending'],
    ]);
    const audits = await node.sql('SELECT 1 FROM audit');
    expect(await node.core.domains.seed(actor, seeds)).toEqual(once);
    expect(await node.sql('SELECT 1 FROM audit')).toHaveLength(audits.length);
    const changed = await node.core.domains.seed(actor, [{ name: second, verification: 'none' }]);
    expect(changed).toMatchObject([{ name: second, status: 'pending', verification: 'none' }]);
  });

  test('at once from many processes makes each domain once', async () => {
    const seeds = [newName(), newName()].map((name) => ({ name, trust: true }));
    const all = await Promise.all(
      Array.from({ length: 10 }, () => node.core.domains.seed(actor, seeds)),
    );
    for (const seen of all) expect(seen).toEqual(all[0]);
    for (const { name } of seeds) expect(await audited(name)).toHaveLength(1);
  });

  test('a list with a bad name changes nothing', async () => {
    const good = newName();
    for (const bad of ['', 'localhost', 'a..b', '-a.example', 'exämple.com', 'a.example/x'])
      await expect(
        node.core.domains.seed(actor, [{ name: good }, { name: bad }]),
      ).rejects.toMatchObject({ code: 'validation_failed' });
    expect((await node.core.domains.list()).map(({ name }) => name)).not.toContain(good);
  });
});

describe('on running nodes, within a second', () => {
  test('add, set and remove take effect', async () => {
    const other = await startAppliance({ env: QUICK_SIGN_IN, beside: node });
    try {
      const name = newName();
      expect(await register(name)).toBe(403);
      const answers = async (status: number) =>
        eventually(
          `registration answers ${status}`,
          async () => (await register(name)) === status,
          3_000,
        );
      const { domains } = other.core;
      await domains.add(actor, { name, trust: true, verification: 'none' });
      await answers(201);
      await domains.set(actor, name, 'email_code');
      await answers(202);
      await domains.remove(actor, name);
      await answers(403);
    } finally {
      await other.stop();
    }
  });

  test('what is unknown is refused with what to type', async () => {
    const { domains } = node.core;
    const unknown = { code: 'not_found', hint: 'authctl domains add nobody.example' };
    await expect(domains.verify(actor, 'nobody.example')).rejects.toMatchObject(unknown);
    await expect(domains.trust(actor, 'nobody.example')).rejects.toMatchObject(unknown);
    await expect(domains.set(actor, 'nobody.example', 'none')).rejects.toMatchObject(unknown);
    await expect(domains.remove(actor, 'nobody.example')).rejects.toMatchObject({
      code: 'not_found',
      hint: 'authctl domains list',
    });
    const { name } = await pending();
    await expect(domains.add(actor, { name })).rejects.toMatchObject({ code: 'conflict' });
  });
});
