import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const USER = '0198c5f0-0000-7000-8000-000000000001';
const CHECK_VIOLATION = '23514';
const UNIQUE_VIOLATION = '23505';

let database: TestDatabase;
let client: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.connectionString });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

beforeEach(async () => {
  await client.query('BEGIN');
  await insert('users', {
    id: USER,
    email: 'ada@example.com',
    created_at: 'now',
    updated_at: 'now',
  });
});

afterEach(() => client.query('ROLLBACK'));

function insert(table: string, row: Record<string, unknown>): Promise<unknown> {
  const places = Object.keys(row).map((_, index) => `$${index + 1}`);
  const text = `INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${places.join(', ')})`;
  return client.query(text, Object.values(row));
}

describe('a credential', () => {
  const pending = {
    user_id: USER,
    pepper_kid: 'k1',
    salt: Buffer.alloc(16),
    pending: Buffer.alloc(32),
    pending_since: 'now',
    updated_at: 'now',
  };

  test('is taken as a pending row or as a final one', async () => {
    await insert('credentials', pending);
    await client.query(
      `UPDATE credentials SET pending = NULL, pending_since = NULL, phc = '$argon2id$'`,
    );
  });

  test.each([
    ['both forms at once', { phc: '$argon2id$' }, 'credentials_one_form'],
    ['neither form', { pending: null }, 'credentials_one_form'],
    ['a prehash without its key', { pepper_kid: null }, 'credentials_pending_complete'],
    ['a prehash without its salt', { salt: null }, 'credentials_pending_complete'],
    ['a prehash outside the queue', { pending_since: null }, 'credentials_pending_complete'],
    ['a short prehash', { pending: Buffer.alloc(31) }, 'credentials_pending_length'],
    ['a short salt', { salt: Buffer.alloc(8) }, 'credentials_salt_length'],
  ])('never has %s', async (_, change, constraint) => {
    await expect(insert('credentials', { ...pending, ...change })).rejects.toMatchObject({
      code: CHECK_VIOLATION,
      constraint,
    });
  });
});

describe('keys', () => {
  const key = { kind: 'signing', sealed: Buffer.alloc(1), master_kid: 'm' };

  test.each(['active', 'next'])('of one kind never have two that are %s', async (status) => {
    await insert('keys', { ...key, kid: 'k1', status });
    await insert('keys', { ...key, kid: 'k2', status, kind: 'pepper' });
    await expect(insert('keys', { ...key, kid: 'k3', status })).rejects.toMatchObject({
      code: UNIQUE_VIOLATION,
      constraint: `keys_one_${status}`,
    });
  });

  test('of one kind may have many that are retiring', async () => {
    await insert('keys', { ...key, kid: 'k1', status: 'retiring' });
    await insert('keys', { ...key, kid: 'k2', status: 'retiring' });
  });
});

describe('an address', () => {
  const other = { id: USER.replace(/1$/, '2'), created_at: 'now', updated_at: 'now' };

  test('that is not canonical is refused', async () => {
    await expect(insert('users', { ...other, email: 'Ada@example.com' })).rejects.toMatchObject({
      constraint: 'users_email_canonical',
    });
  });

  test('is compared by its bytes, so a look-alike is another address', async () => {
    await insert('users', { ...other, email: 'аda@example.com' });
    await expect(
      insert('users', { ...other, id: USER.replace(/1$/, '3'), email: 'ada@example.com' }),
    ).rejects.toMatchObject({ constraint: 'users_email_key' });
  });
});

test('there is one installation in a database', async () => {
  const row = { instance_id: USER, master_kid: 'm', key_check_value: Buffer.alloc(1) };
  await expect(insert('instance', { ...row, id: 2 })).rejects.toMatchObject({
    constraint: 'instance_single',
  });
});
