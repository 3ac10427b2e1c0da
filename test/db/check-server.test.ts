import { expect, onTestFinished, test } from 'vitest';
import { checkServer } from '../../src/db/check-server.ts';
import { openDatabase, type Queryable } from '../../src/db/database.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { createEmptyDatabase } from '../support/postgres.ts';

const TIMEOUT_MS = 7_000;

async function openEmpty(options?: string): Promise<Queryable> {
  const { connectionString, drop } = await createEmptyDatabase(options);
  const db = openDatabase({
    connectionString,
    poolSize: 3,
    statementTimeoutMs: TIMEOUT_MS,
    applicationName: 'test',
    log: createLogger({ level: 'silent' }),
  });
  onTestFinished(async () => {
    await db.close();
    await drop();
  });
  return db;
}

test('a database in UTF-8 will do', async () => {
  await expect(checkServer(await openEmpty(), TIMEOUT_MS)).resolves.toBeUndefined();
});

test.each(['LATIN1', 'SQL_ASCII'])('one in %s is refused', async (encoding) => {
  const db = await openEmpty(`ENCODING '${encoding}' LOCALE 'C'`);
  await expect(checkServer(db, TIMEOUT_MS)).rejects.toMatchObject({
    code: 'config_invalid',
    message: `The database is encoded in ${encoding}; UTF8 is needed.`,
    hint: expect.stringContaining("ENCODING 'UTF8'"),
  });
});

test('a server that is too old is refused', async () => {
  const db = await openEmpty();
  // No such server runs here: what it would say stands before what ours says.
  const old: Queryable = {
    ...db,
    query: async (what, values) => {
      const rows = await db.query(what, values);
      return rows.map((row) => ({ ...row, version: '14.9', version_number: 140_009 })) as never;
    },
  };
  await expect(checkServer(old, TIMEOUT_MS)).rejects.toMatchObject({
    code: 'config_invalid',
    message: 'This is PostgreSQL 14.9; 15 or newer is needed.',
  });
});

test('where somebody in between keeps our settings back, a pooler is told of', async () => {
  const db = await openEmpty();
  await expect(checkServer(db, TIMEOUT_MS + 1)).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringContaining('A connection pooler stands between'),
  });
});
