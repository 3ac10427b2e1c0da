import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { uuidv7 } from '../../src/crypto/random.ts';
import { runAuthctl } from '../cli/support/run-program.ts';
import {
  createRecordingSink,
  type EventBench,
  openEventBench,
} from '../services/event/event-bench.ts';
import { MASTER_KEY } from '../services/mail/mail-bench.ts';

let bench: EventBench;

beforeAll(async () => {
  bench = await openEventBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.sql('TRUNCATE events, audit'));

function events(args: string[], env: Record<string, string> = {}) {
  return runAuthctl(['events', ...args], {
    env: {
      // The socket is in the query; the setting wants a URL with a host all the same.
      AUTHCTL_DATABASE_URL: bench.connectionString.replace('@/', '@localhost/'),
      AUTHCTL_MASTER_KEY: MASTER_KEY,
      ...env,
    },
  });
}

/** Two events: one given up, one published. */
async function recordTwo(): Promise<void> {
  await bench.record({ type: 'password.changed', userId: uuidv7(Date.now()) });
  const failing = createRecordingSink('webhook', () => new Error('HTTP 500'));
  await bench.round(bench.relayTo([failing], { maxTries: 1 }));
  await bench.record({ type: 'session.created', userId: uuidv7(Date.now()) });
  await bench.round(bench.relayTo([createRecordingSink()]));
}

test('events list: what was published and what was given up, and why', async () => {
  expect((await events(['list'])).stdout).toContain('No events: no sink is set');
  await recordTwo();
  const { code, stdout } = await events(['list', '--json']);
  expect(code).toBe(0);
  const [published, dead] = JSON.parse(stdout).events;
  expect(published).toMatchObject({ type: 'session.created', state: 'published', attempts: 1 });
  expect(dead).toMatchObject({ state: 'dead', last_error: 'webhook: HTTP 500' });

  const table = await events(['list', '--state', 'dead', '--since', '1h']);
  expect(table.stdout).toContain('webhook: HTTP 500');
  expect(table.stdout).not.toContain('session.created');
});

test('events list: a time that is none is said so', async () => {
  const { code, stderr } = await events(['list', '--since', 'yesterday']);
  expect(code).toBe(2);
  expect(stderr).toContain('24h');
});

test('events replay: says how many, does it only with --yes, and leaves a record', async () => {
  await recordTwo();
  const asked = await events(['replay', '--state', 'dead']);
  expect(asked.code).toBe(2);
  expect(asked.stderr).toContain('1 event would be published again');
  expect(asked.stderr).toContain('--yes');

  const { code, stdout } = await events(['replay', '--state', 'dead', '--yes', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ replayed: 1 });
  const [row] = await bench.rows();
  expect(row).toMatchObject({ type: 'password.changed', dead_at: null, attempts: 0 });
  expect(await bench.sql('SELECT action, actor_kind FROM audit ORDER BY id DESC LIMIT 1')).toEqual([
    { action: 'events.replayed', actor_kind: 'cli' },
  ]);
});

test('events replay: by id, several at once; nothing at all is a mistake', async () => {
  await recordTwo();
  const ids = (await bench.rows()).map(({ id }) => id);
  const { stdout } = await events(['replay', ...ids, '--yes', '--json']);
  expect(JSON.parse(stdout)).toEqual({ replayed: 2 });
  expect((await events(['replay', '--yes'])).code).toBe(2);
});

test('events webhook-secret: what receivers verify with, configured or derived', async () => {
  const derived = (await events(['webhook-secret'])).stdout.trim();
  expect(derived).toMatch(/^whsec_[\w+/]{43}=$/);
  expect((await events(['webhook-secret'])).stdout.trim()).toBe(derived);

  const AUTHCTL_WEBHOOK_SECRET = 'a text of at least thirty-two characters';
  const { stdout } = await events(['webhook-secret', '--json'], { AUTHCTL_WEBHOOK_SECRET });
  const { secret, from } = JSON.parse(stdout);
  expect(from).toBe('webhook.secret');
  expect(Buffer.from(secret.slice(6), 'base64').toString()).toBe(AUTHCTL_WEBHOOK_SECRET);
  expect(() => new Webhook(secret)).not.toThrow();
});
