import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAuthctl } from '../cli/support/run-program.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'authctl-transfer-'));
});

afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

function users(...args: string[]) {
  const url = database.connectionString.replace('@/', '@localhost/');
  return runAuthctl(['users', ...args], {
    env: { AUTHCTL_DATABASE_URL: url, AUTHCTL_DATA_DIR: join(folder, 'data') },
  });
}

async function file(name: string, ...lines: unknown[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return path;
}

test('users import: dry run, run, again, and an export of what came in', async () => {
  const path = await file(
    'users.ndjson',
    {
      email: 'ada@example.com',
      password_hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
    },
    { email: 'bob@example.com', role: 'admin', created_at: '2020-01-01T00:00:00Z' },
  );
  const dry = await users('import', path, '--dry-run');
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(dry.stdout).toBe('2 lines: 2 would be imported, 0 there already, 0 rejected.\n');

  const real = await users('import', path, '--json');
  expect(real.code).toBe(0);
  const counts = { lines: 2, imported: 2, existing: 0, rejected: 0, dry_run: false };
  expect(JSON.parse(real.stdout)).toMatchObject(counts);

  const again = await users('import', path);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toContain('0 imported, 2 there already');

  const exported = await users('export');
  expect(exported.code).toBe(0);
  const lines = exported.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map(({ email, role }) => [email, role])).toEqual([
    ['ada@example.com', 'user'],
    ['bob@example.com', 'admin'],
  ]);
  expect(exported.stdout).not.toMatch(/\$2a\$|\$argon2/);

  // They are JSON already: no summary is among them.
  expect(await users('export', '--json')).toEqual(exported);

  const out = join(folder, 'export.ndjson');
  const summary = await users('export', '--out', out, '--json');
  expect(JSON.parse(summary.stdout)).toEqual({ users: 2, file: out });
  expect(await readFile(out, 'utf8')).toBe(exported.stdout);
  expect((await stat(out)).mode & 0o777).toBe(0o600);
  expect(await users('export', '--out', out)).toMatchObject({ code: 2 });
});

test('users import: rejected lines are told by number and exit 1; a file of them is private', async () => {
  const path = await file(
    'bad.ndjson',
    { email: 'good@example.com' },
    { email: 'bad@example.com', password_hash: '$2b$31$canary' },
    { email: 'good@example.com', totp: 'canary' },
  );
  const told = await users('import', path, '--dry-run');
  expect(told.code).toBe(1);
  expect(told.stderr).toBe(
    'line 2: /password_hash: This password hash is not well-formed.\n' +
      'line 3: /totp: Only password hashes can be imported; users enrol second factors anew.\n',
  );
  const rejects = join(folder, 'rejected.ndjson');
  const written = await users('import', path, '--rejects', rejects, '--json');
  expect(written).toMatchObject({ code: 1, stderr: '' });
  expect(JSON.parse(written.stdout)).toMatchObject({ imported: 1, rejected: 2 });
  const lines = (await readFile(rejects, 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).line)).toEqual([2, 3]);
  expect(JSON.parse(JSON.parse(lines[0]!).text)).toMatchObject({ email: 'bad@example.com' });
  expect((await stat(rejects)).mode & 0o777).toBe(0o600);
  expect(await users('import', path, '--rejects', rejects)).toMatchObject({ code: 2 });
  const elsewhere = join(folder, 'rejected-again.ndjson');
  expect((await users('import', path, '--rejects', elsewhere)).stdout).toContain(
    `2 rejected (see ${elsewhere}).`,
  );
});

test('users import: a file that is not there and a folder exit 2', async () => {
  expect(await users('import', join(folder, 'missing'))).toMatchObject({ code: 2 });
  expect(await users('import', folder)).toMatchObject({ code: 2 });
});

test.each(['import', 'export'])('users %s: --help shows examples', async (verb) => {
  expect((await users(verb, '--help')).stdout).toContain('EXAMPLES');
});
