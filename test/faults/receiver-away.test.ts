import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { runBeside } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const USERS = 6;
const password = 'correct horse battery staple';
const receiverIs: { away: boolean } = { away: true };

let receiver: WebhookReceiver;
let node: TestAppliance;
let env: Record<string, string>;

beforeAll(async () => {
  receiver = await startWebhookReceiver(() => (receiverIs.away ? 503 : 204));
  env = { AUTHCTL_WEBHOOK_URL: receiver.url };
  node = await startAppliance({ env });
  await node.startWorker();
});
afterAll(async () => {
  await node.stop();
  await receiver.close();
});

/** Registers, signs in and signs out: three events. @returns the statuses of the answers */
async function comeAndGo(user: number): Promise<number[]> {
  const body = { email: `user${user}@open.example`, password };
  const registered = await node.call('/v1/register', { body });
  const signedIn = await node.call('/v1/login', { body });
  const token = signedIn.body.tokens?.access_token;
  const left = await node.call('/v1/logout', { method: 'POST', token });
  return [registered.status, signedIn.status, left.status];
}

const everybody = () => Promise.all(Array.from({ length: USERS }, (_, user) => comeAndGo(user)));

interface Found {
  readonly warnings: readonly string[];
  readonly check: { readonly state: string; readonly detail: string; readonly hint?: string };
}

async function look(): Promise<Found> {
  const ports = { AUTHCTL_PORT: '0', AUTHCTL_MANAGEMENT_PORT: '0' };
  const [status, doctor] = await Promise.all([
    runBeside(node, ['status', '--json'], { env }),
    runBeside(node, ['doctor', '--json'], { env: { ...env, ...ports } }),
  ]);
  const { checks } = JSON.parse(doctor.stdout) as { checks: { check: string }[] };
  const check = checks.find((each) => each.check === 'waiting events');
  return {
    warnings: JSON.parse(status.stdout).warnings,
    check: check as unknown as Found['check'],
  };
}

test('a receiver that is away for long fails no request, is told of, and misses nothing', async () => {
  expect(await everybody()).toEqual(Array.from({ length: USERS }, () => [201, 200, 204]));
  const isTried = `SELECT 1 FROM events WHERE last_error IS NOT NULL AND
                   sequence = (SELECT min(sequence) FROM events)`;
  await eventually('the oldest is refused', async () => (await node.sql(isTried)).length > 0);
  expect(await look()).toMatchObject({ warnings: [], check: { state: 'ok' } });

  // Twenty minutes, without waiting for them.
  await node.sql(`UPDATE events SET created_at = created_at - interval '20 minutes'`);
  const late = await look();
  const told =
    /^waiting events: 18, the oldest for 20 minutes, tried \d+ times, last: webhook: HTTP 503/;
  expect(late.check).toMatchObject({ state: 'warn', detail: expect.stringMatching(told) });
  expect(late.check.hint).toContain('authctl events list --state waiting');
  expect(late.warnings).toEqual([expect.stringMatching(told)]);

  receiverIs.away = false;
  receiver.received.length = 0;
  const isDone = async () => (await node.core.status()).events.waiting === 0;
  await eventually('all are published', isDone, 25_000);
  const events = await node.sql<{ id: string; user_id: string }>(
    'SELECT id, user_id FROM events ORDER BY sequence',
  );
  const arrived = receiver.received.map(({ headers }) => String(headers['webhook-id']));
  for (const user of new Set(events.map((event) => event.user_id))) {
    const own = events.filter((event) => event.user_id === user).map(({ id }) => id);
    expect([...new Set(arrived.filter((id) => own.includes(id)))]).toEqual(own);
  }
  expect(await look()).toMatchObject({ warnings: [], check: { state: 'ok', detail: 'none' } });
}, 60_000);
