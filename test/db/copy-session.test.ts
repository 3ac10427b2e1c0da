import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withCopySession } from '../../src/db/copy-session.ts';
import { statement } from '../../src/db/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What an operator has set for everybody who comes to this database. */
async function setForAll(settings: Readonly<Record<string, string>>): Promise<void> {
  const client = new Client({ connectionString: database.connectionString });
  await client.connect();
  const { rows } = await client.query('SELECT quote_ident(current_database()) AS name');
  for (const [name, value] of Object.entries(settings))
    await client.query(`ALTER DATABASE ${rows[0].name} SET ${name} = '${value}'`);
  await client.end();
}

test('neither limits nor spellings that the database has set reach a copy', async () => {
  const usual = {
    statement_timeout: '0',
    idle_in_transaction_session_timeout: '0',
    transaction_timeout: '0',
    row_security: 'off',
    bytea_output: 'hex',
    datestyle: 'ISO, YMD',
    timezone: 'UTC',
  };
  await setForAll({
    statement_timeout: '60s',
    idle_in_transaction_session_timeout: '60s',
    transaction_timeout: '60s',
    bytea_output: 'escape',
    datestyle: 'German',
    timezone: 'Asia/Tokyo',
  });
  for (const mode of ['snapshot', 'write'] as const) {
    const found = await withCopySession(database.connectionString, mode, (session) =>
      session.query<{ name: string; setting: string }>(
        statement(
          '',
          'SELECT lower(name) AS name, setting FROM pg_settings WHERE lower(name) = ANY($1)',
        ),
        [Object.keys(usual)],
      ),
    );
    expect(Object.fromEntries(found.map(({ name, setting }) => [name, setting]))).toEqual(usual);
  }
});

test('a snapshot sees one moment of all tables, whatever is written meanwhile', async () => {
  const count = statement('', 'SELECT count(*)::int AS rows FROM domains');
  const other = new Client({ connectionString: database.connectionString });
  await other.connect();
  const [before, after] = await withCopySession(
    database.connectionString,
    'snapshot',
    async (session) => {
      const [first] = await session.query<{ rows: number }>(count);
      await other.query(`INSERT INTO domains (name, challenge) VALUES ('meanwhile.example', 'x')`);
      const [second] = await session.query<{ rows: number }>(count);
      return [first!.rows, second!.rows];
    },
  );
  expect(after).toBe(before);
  expect((await other.query('SELECT FROM domains')).rowCount).toBe(Number(before) + 1);
  await other.end();
});
