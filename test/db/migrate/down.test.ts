import { expect, test } from 'vitest';
import { readCatalogue } from '../../../src/db/migrate/read-catalogue.ts';
import { addMigration, makePrismaFolder } from './prisma-folder.ts';
import { openSchema } from './support.ts';

const CHAIN: Record<string, [up: string, down: string]> = {
  '20260101000000_one': ['CREATE TABLE one (id int)', 'DROP TABLE one'],
  '20260102000000_two': ['CREATE TABLE two (id int)', 'DROP TABLE two'],
  '20260103000000_three': ['CREATE TABLE three (id int)', 'DROP TABLE three'],
};

test('up, down and up again make the same schema, and down leaves nothing', async () => {
  const { migrator, client, tables } = await openSchema();
  const { applied } = await migrator.apply();
  const first = await readCatalogue(client);

  const { reverted } = await migrator.down(applied.length);
  expect(reverted).toEqual(applied.toReversed());
  expect(await tables()).toEqual([]);
  expect((await migrator.status()).state).toBe('empty');

  await migrator.apply();
  expect(await readCatalogue(client)).toEqual(first);
});

test('down takes back the newest steps only', async () => {
  const { migrator, tables } = await openSchema(await makePrismaFolder(CHAIN));
  await migrator.apply();

  expect(await migrator.down(2)).toEqual({
    reverted: ['20260103000000_three', '20260102000000_two'],
  });
  expect(await tables()).toEqual(['one']);
  expect(await migrator.status()).toMatchObject({
    state: 'behind',
    pending: ['20260102000000_two', '20260103000000_three'],
  });
});

test('when one step fails, none is taken back', async () => {
  const prismaDir = await makePrismaFolder(CHAIN);
  await addMigration(prismaDir, '20260102000000_two', [
    'CREATE TABLE two (id int)',
    'SELECT 1 / 0',
  ]);
  const { migrator, tables } = await openSchema(prismaDir);
  await migrator.apply();

  await expect(migrator.down(3)).rejects.toMatchObject({
    code: 'schema_mismatch',
    message: expect.stringMatching(/20260102000000_two.*division by zero/),
  });
  expect(await tables()).toEqual(['one', 'three', 'two']);
  expect((await migrator.status()).state).toBe('current');
});

test('two that take back a step at once take back two different ones', async () => {
  const { migrator } = await openSchema(await makePrismaFolder(CHAIN));
  await migrator.apply();

  const outcomes = await Promise.all([migrator.down(1), migrator.down(1)]);
  expect(outcomes.flatMap(({ reverted }) => reverted).sort()).toEqual([
    '20260102000000_two',
    '20260103000000_three',
  ]);
});

test('nothing is taken back while processes are at work on the database', async () => {
  const { migrator, client } = await openSchema();
  const { applied } = await migrator.apply();
  const seen = (secondsAgo: number) =>
    client.query(
      `INSERT INTO nodes (id, kind, host, pid, version, started_at, seen_at)
       VALUES (gen_random_uuid(), 'api', 'alpha', 4711, '1', now(), now() - make_interval(secs => $1))`,
      [secondsAgo],
    );
  await seen(1);
  await expect(migrator.down(applied.length)).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('api 4711 on alpha'),
  });
  expect((await migrator.status()).state).toBe('current');

  await client.query('DELETE FROM nodes');
  await seen(11);
  expect((await migrator.down(applied.length)).reverted).toHaveLength(applied.length);
});

test('a number of steps that is none is refused', async () => {
  const { migrator } = await openSchema(await makePrismaFolder(CHAIN));
  await expect(migrator.down(0)).rejects.toMatchObject({ code: 'usage' });
});
