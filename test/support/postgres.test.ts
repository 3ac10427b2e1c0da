import { expect, test } from 'vitest';
import { query } from '../db/embedded/members.ts';
import { createTestDatabase } from './postgres.ts';

test('many test databases are made at once, each with the schema and without the others’ rows', async () => {
  const databases = await Promise.all(Array.from({ length: 4 }, () => createTestDatabase()));
  expect(new Set(databases.map(({ connectionString }) => connectionString)).size).toBe(4);
  for (const { connectionString, drop } of databases) {
    expect(
      await query(connectionString, 'SELECT count(*)::int AS users FROM users').catch(
        (e) => e.message,
      ),
    ).toEqual([{ users: 0 }]);
    await drop();
    await expect(query(connectionString, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' });
  }
});
