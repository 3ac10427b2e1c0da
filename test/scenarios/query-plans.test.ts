import { Client, escapeLiteral } from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { QUICK_SIGN_IN, refresh, type SignedIn, signUp, statusOfMe } from '../support/sign-in.ts';

/** Accounts with a live session that no request is about. */
const OTHERS = 5_000;
/** Requests at once: they share batches. */
const CALLERS = 100;
/** What a plan may do for each item of a batch, in rows; the present ones do 5 to 20. */
const ROWS_PER_ITEM = 40;
/** And what it does at least where nothing of it stood still. */
const STEPS = 5;

interface Run {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

interface PlanNode {
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

let node: TestAppliance;
let users: readonly SignedIn[];

beforeAll(async () => {
  node = await startAppliance({ env: QUICK_SIGN_IN });
  // Without ANALYZE, as after an import: the planner knows the size of a table, not what is in it.
  await node.sql(
    `WITH others AS (
       INSERT INTO users (id, email, status, created_at, updated_at)
       SELECT gen_random_uuid(), n || '@open.example', 'active', now(), now()
       FROM generate_series(1, $1::int) AS n RETURNING id
     )
     INSERT INTO sessions (id, user_id, secret_digest, created_at, last_used_at, expires_at)
     SELECT gen_random_uuid(), id, sha256(id::text::bytea), now(), now(), now() + interval '1 day'
     FROM others`,
    [OTHERS],
  );
  users = await signUpMany();
});
afterAll(() => node.stop());

function signUpMany(): Promise<SignedIn[]> {
  return Promise.all(Array.from({ length: CALLERS }, () => signUp(node)));
}

/** The largest batch of a statement that `work` makes the appliance send. */
async function largestBatch(name: string, work: () => Promise<unknown>): Promise<Run> {
  const query = vi.spyOn(Client.prototype, 'query');
  onTestFinished(() => query.mockRestore());
  await work();
  const runs = query.mock.calls
    .map(([sent]) => sent as unknown as Run)
    .filter((sent) => sent.name === name);
  const [largest] = runs.toSorted((a, b) => itemsOf(b) - itemsOf(a));
  if (!largest) throw new Error(`${name} was not sent`);
  return largest;
}

/** How many items the longest list among the values has. */
function itemsOf({ values }: Run): number {
  return Math.max(...values.map((value) => toList(value).length));
}

function toList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'string' && value.startsWith('[{') ? JSON.parse(value) : [];
}

/**
 * Rows that a statement's lasting plan touches, joins that come to nothing included.
 * @param undo SQL that makes the batch new again, so that all of its plan has something to do
 */
async function rowsTouched({ text, values }: Run, undo: string): Promise<number> {
  return node.core.db.transaction(async (tx) => {
    const run = (sql: string) =>
      tx.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>({ name: '', text: sql });
    await run('SET LOCAL plan_cache_mode = force_generic_plan');
    await run('SAVEPOINT untouched');
    await run(undo);
    await run(`PREPARE examined AS ${text}`);
    const [row] = await run(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE examined (${values.map(literal).join(', ')})`,
    );
    await run('DEALLOCATE examined');
    await run('ROLLBACK TO untouched');
    return touchedBy(row!['QUERY PLAN'][0]!.Plan);
  });
}

/** A value as SQL; the prepared statement gives it its type. */
function literal(value: unknown): string {
  if (value === null) return 'NULL';
  return escapeLiteral(Array.isArray(value) ? `{${value.map(quoted)}}` : toText(value));
}

/** As a member of an array. */
const quoted = (value: unknown) => JSON.stringify(toText(value));

function toText(value: unknown): string {
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  return value instanceof Date ? value.toISOString() : String(value);
}

function touchedBy(plan: PlanNode): number {
  const loops = plan['Actual Loops'] ?? 0;
  const removed =
    (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Join Filter'] ?? 0);
  const own = loops * ((plan['Actual Rows'] ?? 0) + removed);
  return (plan.Plans ?? []).reduce((sum, child) => sum + touchedBy(child), own);
}

const BATCHES = [
  {
    name: 'registrations.insert',
    work: signUpMany,
    undo: 'DELETE FROM users WHERE created_ip IS NOT NULL',
  },
  {
    name: 'sessions.rotate_free',
    work: () => Promise.all(users.map((user) => refresh(node, user.refresh))),
    undo: 'UPDATE sessions SET counter = counter - 1 WHERE counter > 0',
  },
  {
    name: 'sessions.load_states',
    work: () => Promise.all(users.map((user) => statusOfMe(node, user.access))),
    undo: 'SELECT',
  },
];

test.each(BATCHES)(
  'the plan of $name looks its rows up, and does not search for them',
  async ({ name, work, undo }) => {
    const batch = await largestBatch(name, work);
    expect(itemsOf(batch)).toBeGreaterThan(4);
    const touched = await rowsTouched(batch, undo);
    expect(touched).toBeGreaterThanOrEqual(itemsOf(batch) * STEPS);
    expect(touched).toBeLessThan(itemsOf(batch) * ROWS_PER_ITEM);
  },
);
