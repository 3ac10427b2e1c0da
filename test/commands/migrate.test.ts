import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAuthctl } from '../cli/support/run-program.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createEmptyDatabase();
});

afterAll(() => database.drop());

function migrate(...args: string[]) {
  // The socket is in the query; the setting wants a URL with a host all the same.
  const url = database.connectionString.replace('@/', '@localhost/');
  return runAuthctl(['migrate', ...args], { env: { AUTHCTL_DATABASE_URL: url } });
}

test('migrate: status, plan, apply and down, one after the other', async () => {
  const before = await migrate('status', '--json');
  expect(before.code).toBe(4);
  expect(JSON.parse(before.stdout)).toMatchObject({ state: 'empty', applied: [] });

  expect((await migrate('plan')).stdout).toContain('CREATE TABLE users');

  const first = await migrate();
  expect(first).toMatchObject({ code: 0, stderr: '' });
  expect(first.stdout).toContain('applied 20261122060000_initial');
  expect(JSON.parse((await migrate('--json')).stdout)).toEqual({ applied: [] });

  const { applied } = JSON.parse((await migrate('status', '--json')).stdout);
  expect(applied[0]).toEqual({
    name: '20261122060000_initial',
    applied_at: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  const current = await migrate('status');
  expect(current.code).toBe(0);
  expect(current.stdout).toMatch(/20261122060000_initial +applied +\d{4}-/);
  expect(current.stdout).toContain('The schema is current.');

  const refused = await migrate('down', '--steps', '2');
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('--yes');

  const down = await migrate('down', '--steps', '99', '--yes', '--json');
  expect(JSON.parse(down.stdout).reverted).toContain('20261122060000_initial');
  expect((await migrate('status')).code).toBe(4);
});

test('migrate new: a name that is not in snake_case exits 2 with an example', async () => {
  const plain = await migrate('new', 'AddThing');
  expect(plain.code).toBe(2);
  expect(plain.stderr).toContain('hint: for example: authctl migrate new add_login_hints');
  const json = await migrate('new', 'AddThing', '--json');
  expect([json.code, JSON.parse(json.stdout).error.code]).toEqual([2, 'usage']);
});

test.each(['', 'status', 'plan', 'down', 'new'])(
  'migrate %s: --help shows examples',
  async (verb) => {
    const help = await migrate(...(verb ? [verb] : []), '--help');
    expect(help.stdout).toContain('EXAMPLES');
  },
);
