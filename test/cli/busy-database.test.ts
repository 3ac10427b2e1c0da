import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MASTER_KEY } from '../support/appliance.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { runAuthctl } from './support/run-program.ts';

let database: TestDatabase;
let holder: Client;

/** Holds a table that every command here asks for. */
beforeAll(async () => {
  database = await createTestDatabase();
  holder = new Client({ connectionString: database.connectionString });
  await holder.connect();
  await holder.query('BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE');
});
afterAll(async () => {
  await holder.end();
  await database.drop();
});

// One asks through Prisma, the other through `pg`.
test.each([['users list'], ['status']])(
  'a database that is held up: %s exits 3, and says so',
  async (command) => {
    const { code, stdout } = await runAuthctl([...command.split(' '), '--json'], {
      env: {
        // The socket is in the query; the setting wants a URL with a host all the same.
        AUTHCTL_DATABASE_URL: database.connectionString.replace('@/', '@localhost/'),
        AUTHCTL_MASTER_KEY: MASTER_KEY,
        AUTHCTL_DATABASE_STATEMENT_TIMEOUT: '1s',
      },
    });
    expect(code).toBe(3);
    const { error } = JSON.parse(stdout);
    expect(error).toMatchObject({
      code: 'dependency_unreachable',
      message: expect.stringMatching(/^PostgreSQL could not do it now: .*timeout/),
      hint: expect.stringContaining('authctl doctor'),
    });
    expect(error.message).not.toContain('\n');
  },
);
