import { afterEach, beforeEach, expect, test } from 'vitest';
import { call } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation } from '../support/process.ts';
import { PASSWORD, startRegistrations } from '../support/registration-load.ts';
import { expectAllKept, expectLogins, randomMoment } from './journal.ts';

let installation: Installation;

beforeEach(async () => {
  installation = await createInstallation({
    AUTHCTL_HASH_MODE: 'deferred',
    AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
    AUTHCTL_WORKER_NICE: '0',
    AUTHCTL_LOG_LEVEL: 'error',
  });
});
afterEach(() => installation.remove());

const DEADLINE_MS = 120_000;

test(
  'kill -9 of the API at any moment: what was acknowledged is there once, a retry settles the rest',
  async () => {
    const acknowledged: string[] = [];
    const unanswered: string[] = [];
    for (let round = 1; round <= 2; round += 1) {
      const api = await installation.serve('--no-worker');
      const load = startRegistrations(api.url, {
        name: `round${round}-`,
        domain: 'example.com',
        isKeyed: true,
      });
      await eventually('it is at work', () => load.acknowledged().length > 150);
      await randomMoment(40);
      await api.end('SIGKILL');
      await load.over;
      acknowledged.push(...load.acknowledged());
      for (const { email, status } of load.journal) if (status === null) unanswered.push(email);
    }
    const api = await installation.serve('--no-worker');
    await expectAllKept(installation, acknowledged);
    // Whether those were written nobody knows; asked once more by the same key, they are, once.
    expect(unanswered.length).toBeGreaterThan(0);
    for (const email of [...unanswered, ...acknowledged.slice(-20)]) {
      const body = { email, password: PASSWORD };
      const headers = { 'Idempotency-Key': email };
      const answer = await call(`${api.url}/v1/register`, { body, headers });
      expect(answer).toMatchObject({ status: 202, body: { status: 'verification_required' } });
    }
    await expectAllKept(installation, unanswered);
    const mails = await installation.sql<{ kind: string; most: number }>(
      `SELECT kind, max(count)::int AS most FROM
         (SELECT kind, count(*) FROM mails GROUP BY kind, recipient) AS m GROUP BY kind`,
    );
    expect(mails).toEqual([{ kind: 'verify_email', most: 1 }]);
    const flows = await installation.sql(
      `SELECT count(*)::int AS lone FROM users AS u LEFT JOIN flows AS f ON f.user_id = u.id
     LEFT JOIN mails AS m ON m.user_id = u.id WHERE f.user_id IS NULL OR m.user_id IS NULL`,
    );
    expect(flows).toEqual([{ lone: 0 }]);
    await expectLogins(api.url, acknowledged);
    await expectLogins(api.url, unanswered);
    expect(await api.end('SIGTERM')).toBe(0);
  },
  DEADLINE_MS,
);

test.each([['SIGKILL'], ['SIGINT'], ['SIGQUIT']] as const)(
  '%s for PostgreSQL while serving: 503 at worst, then normal again without a restart of ours',
  async (signal) => {
    const api = await installation.serve('--no-worker');
    await installation.run('domains', 'add', 'open.example', '--trust', '--verification', 'none');
    const load = startRegistrations(api.url, { name: 'crash', domain: 'open.example' });
    for (let round = 1; round <= 2; round += 1) {
      const before = load.acknowledged().length;
      await eventually('it is at work', () => load.acknowledged().length > before + 150, 30_000);
      await randomMoment(40);
      installation.killPostgres(signal);
      await randomMoment(200);
    }
    const before = load.acknowledged().length;
    await eventually('it is well again', () => load.acknowledged().length > before + 150, 30_000);
    await load.stop();

    const others = load.journal.filter(({ status }) => status !== 201);
    const allowed = others.filter(({ status, code }) => status === 503 && code !== 'internal');
    expect(others).toEqual(allowed);
    await expectAllKept(installation, load.acknowledged());
    await expectLogins(api.url, load.acknowledged());
    expect(await api.end('SIGTERM')).toBe(0);
  },
  DEADLINE_MS,
);

test(
  'kill -9 of a worker amid the backlog: its rows come back, and every password works',
  async () => {
    const api = await installation.serve('--no-worker');
    const load = startRegistrations(api.url, {
      name: 'worker',
      domain: 'example.com',
      connections: 20,
    });
    await eventually('a backlog', () => load.acknowledged().length > 150);
    await load.stop();
    const emails = load.acknowledged();
    const pending = async () => {
      const [row] = await installation.sql<{ pending: number }>(
        'SELECT count(pending)::int AS pending FROM credentials',
      );
      return row!.pending;
    };
    const killed = installation.start('worker');
    await eventually('it hardens', async () => (await pending()) < emails.length, 30_000);
    await killed.end('SIGKILL');
    expect(await pending()).toBeGreaterThan(0);
    await expectLogins(api.url, emails, 4);

    // The end of the lease, without waiting for it.
    await installation.sql(
      `UPDATE credentials SET lease_until = now() WHERE lease_until IS NOT NULL`,
    );
    const next = installation.start('worker');
    await eventually('all is hardened', async () => (await pending()) === 0, 60_000);
    const rows = await installation.sql(
      `SELECT count(*)::int AS accounts, count(phc)::int AS final, count(parked_at)::int AS parked,
            max(attempts)::int AS attempts FROM credentials`,
    );
    expect(rows).toEqual([
      { accounts: emails.length, final: emails.length, parked: 0, attempts: 0 },
    ]);
    await expectLogins(api.url, emails);
    expect(await next.end('SIGTERM')).toBe(0);
    expect(await api.end('SIGTERM')).toBe(0);
  },
  DEADLINE_MS,
);
