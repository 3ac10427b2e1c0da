import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidv7 } from '../../src/crypto/random.ts';
import { newAddress, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_WORKER_NICE: '0',
      AUTHCTL_SWEEPER_INTERVAL: '100ms',
      AUTHCTL_SWEEPER_BATCH: '3',
      AUTHCTL_REGISTRATION_UNVERIFIED_TTL: '2h',
      AUTHCTL_EVENTS_RETENTION: '2h',
      AUTHCTL_AUDIT_RETENTION: '3d',
    },
  });
});
afterAll(() => appliance.stop());

const ago = (milliseconds: number) => new Date(Date.now() - milliseconds);

/** An id as it was made at a time. */
function idOf(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0');
  return uuidv7(0).replace(/^.{13}/, `${hex.slice(0, 8)}-${hex.slice(8)}`);
}

async function audit(at: Date): Promise<void> {
  await appliance.sql(
    `INSERT INTO audit (id, at, action, actor_kind) VALUES ($1, $2, 'login.failed', 'anonymous')`,
    [idOf(at), at],
  );
}

async function publishedEvent(at: Date): Promise<void> {
  await appliance.sql(
    `INSERT INTO events (id, type, payload, created_at, published_at)
     VALUES ($1, 'user.updated', '{}', $2, $2)`,
    [idOf(at), at],
  );
}

async function unverified(at: Date): Promise<void> {
  const email = newAddress();
  const { status } = await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  expect(status).toBe(202);
  await appliance.sql('UPDATE users SET created_at = $2 WHERE email = $1', [email, at]);
}

test('sweeper.batch, audit.retention, events.retention, registration.unverified_ttl: what is too old goes, three at a time', async () => {
  for (let count = 0; count < 7; count += 1) await audit(ago(5 * DAY_MS));
  await audit(ago(2 * DAY_MS));
  for (const age of [3 * HOUR_MS, HOUR_MS]) {
    await publishedEvent(ago(age));
    await unverified(ago(age));
  }
  await appliance.startWorker();

  const count = async (what: string) =>
    (await appliance.sql<{ count: number }>(`SELECT count(*)::int FROM ${what}`))[0]!.count;
  const isLeft = async (what: string) => (await count(what)) === 1;
  await eventually('one user is left', () => isLeft('users'));
  await eventually('one event is left', () => isLeft('events'));
  await eventually('one record is left', () => isLeft(`audit WHERE action = 'login.failed'`));

  // Each removal is on record, in the transaction that removes.
  const removals = await appliance.sql<{ removed: number }>(
    `SELECT (detail->>'removed')::int AS removed FROM audit
     WHERE action = 'audit.removed' ORDER BY id`,
  );
  expect(removals.map(({ removed }) => removed)).toEqual([3, 3, 1]);
});
