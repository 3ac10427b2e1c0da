import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { uuidv7 } from '../../../src/crypto/random.ts';
import { createAuditRetention } from '../../../src/services/audit/remove-old.ts';
import { createSweeper } from '../../../src/worker/sweeper.ts';
import { startAppliance, type TestAppliance } from '../../support/appliance.ts';

const DAY_MS = 86_400_000;
const NOW = new Date('2026-03-10T09:30:00Z');
const clock = { now: () => NOW, monotonicMs: () => 0 };
/** The first moment that is kept, of 30 days: midnight. */
const BOUND = new Date('2026-02-08T00:00:00Z');

let appliance: TestAppliance;
beforeAll(async () => {
  appliance = await startAppliance();
});
afterAll(() => appliance.stop());
beforeEach(() => appliance.sql('TRUNCATE audit'));

/** Records of a time: ids as they were made then. */
async function recordAt(at: Date, count: number): Promise<void> {
  const ids = Array.from({ length: count }, () => uuidv7(0).replace(/^.{13}/, prefixOf(at)));
  await appliance.sql(
    `INSERT INTO audit (id, at, action, actor_kind)
     SELECT id, $2, 'login.failed', 'anonymous' FROM unnest($1::uuid[]) AS id`,
    [ids, at],
  );
}

function prefixOf(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

const removal = (retentionMs: number) =>
  createAuditRetention({ db: appliance.core.db, clock, retentionMs });

async function counts() {
  const rows = await appliance.sql<{ old: number; kept: number; removed: number; records: number }>(
    `SELECT count(*) FILTER (WHERE action = 'login.failed' AND at < $1)::int AS old,
       count(*) FILTER (WHERE action = 'login.failed' AND at >= $1)::int AS kept,
       count(*) FILTER (WHERE action = 'audit.removed')::int AS records,
       coalesce(sum((detail->>'removed')::int), 0)::int AS removed FROM audit`,
    [BOUND],
  );
  return rows[0]!;
}

test('whole days beyond the retention go, and that is on record; the first kept moment stays', async () => {
  await recordAt(new Date(BOUND.getTime() - 1), 3);
  await recordAt(BOUND, 2);
  await recordAt(NOW, 1);
  expect(await removal(30 * DAY_MS)(10)).toBe(3);
  expect(await counts()).toEqual({ old: 0, kept: 3, records: 1, removed: 3 });
  expect(
    await appliance.sql(
      `SELECT actor_kind, result, detail, at FROM audit WHERE action = 'audit.removed'`,
    ),
  ).toEqual([
    {
      actor_kind: 'system',
      result: 'ok',
      detail: { removed: 3, before: BOUND.toISOString() },
      at: NOW,
    },
  ]);
  // Nothing more is due that day, and nothing is said of nothing.
  expect(await removal(30 * DAY_MS)(10)).toBe(0);
  expect(await counts()).toMatchObject({ records: 1 });
});

test('0 keeps everything for ever', async () => {
  await recordAt(new Date(0), 3);
  expect(await removal(0)(10)).toBe(0);
  expect(await counts()).toMatchObject({ old: 3, records: 0 });
});

test('sweepers at once remove each record exactly once, in batches, and account for all of them', async () => {
  await recordAt(new Date(BOUND.getTime() - 5 * DAY_MS), 950);
  await recordAt(NOW, 50);
  const sweeps = Array.from({ length: 4 }, () =>
    createSweeper({
      db: appliance.core.db,
      log: appliance.core.log,
      intervalMs: 60_000,
      batch: 100,
      removeUnverified: async () => 0,
      knownNetworkTtlMs: DAY_MS,
      eventRetentionMs: DAY_MS,
      removeOldAudit: removal(30 * DAY_MS),
      removeOldMailFiles: async () => 0,
    }).sweepOnce(new AbortController().signal),
  );
  await Promise.all(sweeps);
  // One that met rows another had locked may have ended early; the last look finds what is left.
  while ((await removal(30 * DAY_MS)(100)) > 0);
  const { records, ...rest } = await counts();
  expect(rest).toEqual({ old: 0, kept: 50, removed: 950 });
  expect(records).toBeGreaterThanOrEqual(10);
});

test('the key finds what is due, however much is not', async () => {
  await recordAt(NOW, 5_000);
  await recordAt(new Date(BOUND.getTime() - DAY_MS), 10);
  await appliance.sql('ANALYZE audit');
  const plan = await appliance.sql<{ 'QUERY PLAN': string }>(
    `EXPLAIN SELECT id FROM audit WHERE id < '${prefixOf(BOUND)}-0000-0000-000000000000'
     ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED`,
  );
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('audit_pkey');
});
