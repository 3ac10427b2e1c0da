import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { runBeside } from '../support/cli.ts';
import { type DnsServer, startDns } from '../support/dns.ts';
import { eventually } from '../support/eventually.ts';
import { PASSWORD, QUICK_SIGN_IN } from '../support/sign-in.ts';

let node: TestAppliance;
let dns: DnsServer;
let folder: string;

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
  dns = await startDns();
  folder = await mkdtemp('/tmp/authctl-domains-');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await dns.close();
  await node.stop();
});

const run = (...args: string[]) => runBeside(node, ['domains', ...args]);

async function json(...args: string[]) {
  const { code, stdout } = await run(...args, '--json');
  return { code, body: JSON.parse(stdout) };
}

async function registers(domain: string, status: number): Promise<void> {
  let tries = 0;
  await eventually(
    `a registration at ${domain} answers ${status}`,
    async () => {
      tries += 1;
      const body = { email: `person${tries}-${status}@${domain}`, password: PASSWORD };
      return (await node.call('/v1/register', { body })).status === status;
    },
    3_000,
  );
}

test('add, verify by DNS, set, list and remove: each takes effect on the running node', async () => {
  const added = await json('add', 'Shop.example');
  expect(added).toMatchObject({ code: 0, body: { name: 'shop.example', status: 'pending' } });
  const { record } = added.body;
  expect(record.name).toBe('_authctl-challenge.shop.example');

  const verify = ['verify', 'shop.example', '--resolver', dns.address];
  dns.answer(record.name, 'silence');
  const silent = await run(...verify);
  expect(silent).toMatchObject({ code: 3, stdout: '' });
  expect(silent.stderr).toContain('hint:');

  dns.answer(record.name, [['something else']]);
  const [wrong, wrongJson] = await Promise.all([run(...verify), json(...verify)]);
  expect(wrong).toMatchObject({ code: 1, stdout: '' });
  expect(wrong.stderr).toContain(`hint: publish it: ${record.name}. IN TXT "${record.value}"`);
  expect(wrongJson).toMatchObject({ code: 1, body: { error: { code: 'conflict' } } });
  await registers('shop.example', 403);

  dns.answer(record.name, [[record.value]]);
  expect(await json(...verify)).toMatchObject({
    code: 0,
    body: { status: 'verified', verified_by: 'dns' },
  });
  await registers('shop.example', 202);
  expect((await run('set', 'shop.example', '--verification', 'none')).code).toBe(0);
  await registers('shop.example', 201);

  const [plain, listed] = await Promise.all([run('list'), json('list')]);
  expect(plain.stdout).toMatch(/shop\.example\s+verified\s+none\s+dns/);
  expect(listed.body.domains.map(({ name }: { name: string }) => name)).toContain('shop.example');

  const [unsure, sure] = await Promise.all([
    run('remove', 'shop.example'),
    run('remove', 'shop.example', '--yes'),
  ]);
  expect([unsure.code, sure.code]).toEqual([2, 0]);
  await registers('shop.example', 403);
}, 90_000);

test('--trust vouches, in the name of the system’s user', async () => {
  const [added, pending] = await Promise.all([
    json('add', 'trusted.example', '--trust', '--verification', 'none'),
    json('add', 'later.example'),
  ]);
  const by = `cli:${userInfo().username}`;
  expect(added.body).toMatchObject({ status: 'verified', verification: 'none', verified_by: by });
  expect(pending.body.status).toBe('pending');
  const trusted = await json('verify', 'later.example', '--trust');
  expect(trusted.body).toMatchObject({ status: 'verified', verified_by: by });
  const audits = await node.sql(
    `SELECT detail->>'domain' AS domain, detail->>'by' AS by FROM audit
     WHERE action = 'domain.verified' AND actor_id = $1`,
    [userInfo().username],
  );
  expect(audits).toContainEqual({ domain: 'later.example', by });
});

test('seed reads a file; a second time changes nothing', async () => {
  const file = join(folder, 'domains.txt');
  await writeFile(file, '# ours\nseeded.example none\nother-seeded.example  # default policy\n\n');
  const first = await json('seed', file, '--trust');
  expect(first).toMatchObject({
    code: 0,
    body: {
      domains: [
        { name: 'other-seeded.example', status: 'verified', verification: 'email_code' },
        { name: 'seeded.example', status: 'verified', verification: 'none' },
      ],
    },
  });
  const revision = () => node.sql('SELECT revision FROM instance');
  const before = await revision();
  expect(await json('seed', file, '--trust')).toEqual(first);
  expect(await revision()).toEqual(before);

  await writeFile(file, 'good.example\nbad.example sometimes\n');
  const [wrong, missing, nothing] = await Promise.all([
    run('seed', file),
    run('seed', join(folder, 'missing')),
    run('seed'),
  ]);
  expect([wrong, missing, nothing].map(({ code }) => code)).toEqual([2, 2, 2]);
  expect(wrong.stderr).toContain('Line 2');
});

test('each refusal has its exit code and its error code', async () => {
  const refusals = [
    [1, 'not_found', ['verify', 'nobody.example']],
    [1, 'not_found', ['set', 'nobody.example', '--verification', 'none']],
    [1, 'not_found', ['remove', 'nobody.example', '--yes']],
    [1, 'conflict', ['add', 'open.example']],
    [1, 'validation_failed', ['add', 'no domain']],
    [2, 'usage', ['set', 'open.example', '--verification', 'maybe']],
    [2, 'usage', ['verify', 'open.example', '--trust', '--resolver', '127.0.0.1:53']],
    [2, 'usage', ['add']],
  ] as const;
  const outcomes = await Promise.all(refusals.map(([, , args]) => json(...args)));
  expect(outcomes.map(({ code, body }) => [code, body.error.code])).toEqual(
    refusals.map(([code, error]) => [code, error]),
  );
});

test('whoever adds a domain again is told how to go on, and whoever removes none is not told to add it', async () => {
  expect((await run('add', 'halfway.example')).code).toBe(0);
  const [pending, verified, unknown] = await Promise.all([
    run('add', 'halfway.example', '--trust'),
    run('add', 'open.example'),
    run('remove', 'nobody.example', '--yes'),
  ]);
  expect(pending.stderr).toContain('hint: authctl domains verify halfway.example');
  expect(verified.stderr).toContain('hint: change it with: authctl domains set open.example');
  expect(unknown.stderr).toContain('hint: authctl domains list');
});

describe('serve in production', () => {
  const env = {
    AUTHCTL_ENV: 'production',
    AUTHCTL_PUBLIC_URL: 'https://auth.example.com',
    AUTHCTL_SMTP_URL: 'smtp://127.0.0.1:1',
    AUTHCTL_PORT: '0',
    AUTHCTL_MANAGEMENT_PORT: '0',
  };

  test('is refused while a configured domain is not verified, or none is', async () => {
    const configured = { ...env, AUTHCTL_DOMAINS: 'open.example,unproven.example' };
    const empty = await startAppliance();
    await empty.sql('DELETE FROM domains');
    const [first, none] = await Promise.all([
      runBeside(node, ['serve', '--no-worker'], { env: configured }),
      runBeside(empty, ['serve', '--no-worker'], { env }),
    ]);
    await empty.stop();
    expect(first).toMatchObject({ code: 2, stdout: '' });
    expect(first.stderr).toContain('unproven.example');
    expect(first.stderr).toContain('hint: authctl domains verify unproven.example');
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toContain('hint: authctl domains add');
  });
});
