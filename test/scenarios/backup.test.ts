import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../src/lib/package-root.ts';
import { runAuthctl } from '../cli/support/run-program.ts';
import {
  createAccount,
  createTwoFactorAccount,
  logIn,
  OTHER_PASSWORD,
  PASSWORD,
  type TwoFactorAccount,
} from '../support/accounts.ts';
import { MASTER_KEY, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { authenticatorCode } from '../support/authenticator.ts';
import { runBeside } from '../support/cli.ts';
import { dumpDatabase } from '../support/dump.ts';
import { eventually } from '../support/eventually.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startRegistrations } from '../support/registration-load.ts';

const BIN = join(packageRoot(), 'bin/run.js');
const OTHER_MASTER_KEY = MASTER_KEY.split('').reverse().join('');
/** Of a moment: who is running and counting now. */
const OF_THE_MOMENT = ['nodes', 'limit_counters', '_prisma_migrations'];
const PASSING = ['sessions', 'flows', 'idempotency_keys', 'mails'];

let appliance: TestAppliance;
let folder: string;
let backup: string;
let hardened: string;
let pending: string;
let twoFactor: TwoFactorAccount;
let sequence: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'authctl-backup-'));
  appliance = await startAppliance({
    env: { AUTHCTL_WEBHOOK_URL: 'http://127.0.0.1:9/', AUTHCTL_HASH_MODE: 'deferred' },
  });
  ({ email: hardened } = await createAccount(appliance));
  twoFactor = await createTwoFactorAccount(appliance);
  await logIn(appliance, { email: hardened });
  pending = 'still-pending@open.example';
  const registered = await appliance.call('/v1/register', {
    body: { email: pending, password: PASSWORD, device_name: 'tab\tline\nback\\slash "é" \\N' },
    headers: { 'Idempotency-Key': 'one' },
  });
  expect(registered.status).toBe(201);
  const [row] = await appliance.sql<{ last: string }>('SELECT max(sequence) AS last FROM events');
  sequence = Number(row?.last);
  expect(sequence).toBeGreaterThan(0);

  backup = join(folder, 'authctl.backup');
  const made = await runBeside(appliance, ['backup', backup, '--json']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(made.stdout)).toMatchObject({ file: backup, rows: { users: 3, totps: 1 } });
});
afterAll(async () => {
  await appliance.stop();
  await rm(folder, { recursive: true });
});

function restore(into: TestDatabase, args: string[], masterKey = MASTER_KEY) {
  return runAuthctl(['restore', ...args], {
    env: {
      AUTHCTL_DATABASE_URL: into.connectionString.replace('@/', '@localhost/'),
      AUTHCTL_MASTER_KEY: masterKey,
    },
  });
}

/** A database into which the whole backup still goes had nothing of one. */
async function expectNothingIn(database: TestDatabase): Promise<void> {
  const answer = await restore(database, [backup]);
  expect(answer).toMatchObject({ code: 0, stderr: '' });
}

test('a backup is one file that only its owner reads, and says nothing but what it is', async () => {
  const { mode } = await stat(backup);
  expect(mode & 0o777).toBe(0o600);
  const bytes = await readFile(backup);
  const lines = bytes.toString('latin1').split('\n', 2);
  expect(lines[0]).toBe('authctl backup 1');
  expect(Object.keys(JSON.parse(lines[1]!))).toEqual([
    'instance_id',
    'created_at',
    'version',
    'migrations',
    'master_kid',
    'salt',
  ]);
  for (const secret of [hardened, MASTER_KEY, 'argon2id', 'example.com'])
    expect(bytes.includes(secret)).toBe(false);
});

test('two backups of one state share no bytes after their headers', async () => {
  const path = join(folder, 'again.backup');
  expect(await runBeside(appliance, ['backup', path])).toMatchObject({ code: 0 });
  const [one, other] = await Promise.all([backup, path].map((file) => readFile(file)));
  expect(one!.subarray(-64).equals(other!.subarray(-64))).toBe(false);
  // Their contents differ by a record of the first: that their keys do, too, says the salt.
  const saltOf = (bytes: Buffer) => JSON.parse(bytes.toString('latin1').split('\n', 2)[1]!).salt;
  expect(saltOf(one!)).not.toBe(saltOf(other!));
});

test('a moved installation is the same, row for row, sessions included', async () => {
  const database = await createEmptyDatabase();
  const path = join(folder, 'moved.backup');
  const before = await dumpDatabase(appliance, [...OF_THE_MOMENT, 'audit']);
  expect(await runBeside(appliance, ['backup', path])).toMatchObject({ code: 0 });
  const answer = await restore(database, [path, '--keep-sessions']);
  expect(answer).toMatchObject({ code: 0, stderr: '' });

  const moved = await startAppliance({ database });
  try {
    expect(await dumpDatabase(moved, [...OF_THE_MOMENT, 'audit'])).toEqual(before);
    const { refreshToken, token } = twoFactor;
    expect(await moved.call('/v1/me', { token })).toMatchObject({ status: 200 });
    const body = { refresh_token: refreshToken };
    expect(await moved.call('/v1/token/refresh', { body })).toMatchObject({ status: 200 });
    const replay = await moved.call('/v1/register', {
      body: { email: pending, password: PASSWORD, device_name: 'tab\tline\nback\\slash "é" \\N' },
      headers: { 'Idempotency-Key': 'one' },
    });
    expect(replay.status).toBe(201);
  } finally {
    await moved.stop();
    await database.drop();
  }
});

test('after a restore every password and factor works, and nobody is signed in', async () => {
  const database = await createEmptyDatabase();
  expect(await restore(database, [backup])).toMatchObject({ code: 0, stderr: '' });
  const restored = await startAppliance({
    database,
    env: { AUTHCTL_WEBHOOK_URL: 'http://127.0.0.1:9/' },
  });
  try {
    const left = await dumpDatabase(restored, OF_THE_MOMENT);
    for (const table of PASSING) expect(left[table], table).toEqual([]);
    expect(left['users']).toHaveLength(3);

    const { token, refreshToken, email, secret, recoveryCodes } = twoFactor;
    expect((await restored.call('/v1/me', { token })).status).toBe(401);
    const refreshed = await restored.call('/v1/token/refresh', {
      body: { refresh_token: refreshToken },
    });
    expect(refreshed.body.code).toBe('invalid_refresh_token');

    for (const name of [hardened, pending]) {
      expect(await logIn(restored, { email: name })).toMatchObject({ status: 200 });
      const wrong = await logIn(restored, { email: name, password: OTHER_PASSWORD });
      expect(wrong.status).toBe(401);
    }
    restored.clock.advance(30_000);
    const code = authenticatorCode(secret, restored.clock.now());
    for (const factor of [{ code }, { recovery_code: recoveryCodes[0] }]) {
      const { body } = await logIn(restored, { email });
      const body2 = { flow_token: body.flow_token, ...factor };
      const answer = await restored.call('/v1/login/two-factor', { body: body2 });
      expect(answer.body.status).toBe('authenticated');
    }
    // Numbers that the lost time may have given to other events are not given again.
    const [row] = await restored.sql<{ first: string }>(
      'SELECT min(sequence) AS first FROM events WHERE sequence > $1',
      [sequence],
    );
    expect(Number(row?.first)).toBe(sequence + 1_000_000_001);
    const actions = await restored.sql<{ action: string }>(
      `SELECT action FROM audit WHERE action LIKE 'backup.%' ORDER BY id`,
    );
    expect(actions.map(({ action }) => action)).toEqual(['backup.made', 'backup.restored']);
  } finally {
    await restored.stop();
    await database.drop();
  }
});

test('another master key is refused before anything is written', async () => {
  const database = await createEmptyDatabase();
  const answer = await restore(database, [backup], OTHER_MASTER_KEY);
  expect(answer.code).toBe(2);
  expect(answer.stderr).toContain('another master key');
  await expectNothingIn(database);
  await database.drop();
});

test('a damaged backup restores nothing, wherever the damage is', async () => {
  const database = await createEmptyDatabase();
  const whole = await readFile(backup);
  const header = whole.indexOf('\n', whole.indexOf('\n') + 1);
  const flipped = (position: number) => {
    const bytes = Buffer.from(whole);
    bytes[position]! ^= 4;
    return bytes;
  };
  const damages = {
    'cut in the header': whole.subarray(0, header - 10),
    'cut after the header': whole.subarray(0, header + 1),
    'cut in the middle': whole.subarray(0, Math.floor((header + whole.length) / 2)),
    'one byte short': whole.subarray(0, -1),
    'one byte more': Buffer.concat([whole, Buffer.of(0)]),
    'another version': Buffer.from(
      whole.toString('latin1').replace('backup 1', 'backup 2'),
      'latin1',
    ),
    'a date in its header': Buffer.from(
      whole.toString('latin1').replace('"created_at":"2', '"created_at":"3'),
      'latin1',
    ),
    'a bit at the beginning': flipped(header + 20),
    'a bit at the end': flipped(whole.length - 1),
    nothing: Buffer.alloc(0),
  };
  for (const [what, bytes] of Object.entries(damages)) {
    const path = join(folder, 'damaged.backup');
    await writeFile(path, bytes);
    for (const flags of [['--dry-run'], []]) {
      const answer = await restore(database, [path, '--json', ...flags]);
      expect(answer.code, what).toBe(1);
      expect(JSON.parse(answer.stdout).error.code, what).toBe('validation_failed');
    }
  }
  await expectNothingIn(database);
  await database.drop();
});

test('into a new data folder: its key first, then everything by one command', async () => {
  const data = join(folder, 'data');
  const env = { AUTHCTL_DATA_DIR: data };
  const without = await runAuthctl(['restore', backup], { env });
  expect(without.code).toBe(2);
  expect(without.stderr).toContain('master.key is missing');
  expect(existsSync(data)).toBe(false);

  await mkdir(data, { mode: 0o700 });
  await writeFile(join(data, 'master.key'), MASTER_KEY, { mode: 0o600 });
  expect(await runAuthctl(['restore', backup], { env })).toMatchObject({ code: 0, stderr: '' });
  const listed = await runAuthctl(['users', 'list', '--json'], { env });
  expect(JSON.parse(listed.stdout).users).toHaveLength(3);
  const again = await runAuthctl(['restore', backup], { env });
  expect(again.code).toBe(1);
});

test('a database that holds an installation is left as it is', async () => {
  const before = await dumpDatabase(appliance, OF_THE_MOMENT);
  const answer = await runBeside(appliance, ['restore', backup, '--json']);
  expect(answer.code).toBe(1);
  expect(JSON.parse(answer.stdout).error.code).toBe('conflict');
  expect(await dumpDatabase(appliance, OF_THE_MOMENT)).toEqual(before);
});

test('one user is told in the singular', async () => {
  const small = await startAppliance();
  const database = await createEmptyDatabase();
  const path = join(folder, 'small.backup');
  try {
    await createAccount(small);
    expect((await runBeside(small, ['backup', path])).stdout).toContain('Backed up 1 user to');
    expect((await restore(database, [path, '--dry-run'])).stdout).toContain('opens: 1 user.');
    expect((await restore(database, [path])).stdout).toContain('Restored 1 user as of');
  } finally {
    await small.stop();
    await database.drop();
  }
});

test('a database that was only migrated is restored into', async () => {
  const database = await createTestDatabase();
  expect(await restore(database, [backup])).toMatchObject({ code: 0, stderr: '' });
  await database.drop();
});

test('of many restores at once one wins, and the others change nothing', async () => {
  const database = await createTestDatabase();
  const answers = await Promise.all(Array.from({ length: 4 }, () => restore(database, [backup])));
  expect(answers.map(({ code }) => code).sort()).toEqual([0, 1, 1, 1]);
  const restored = await startAppliance({ database });
  expect((await dumpDatabase(restored))['users']).toHaveLength(3);
  await restored.stop();
  await database.drop();
});

test('a backup under load is one moment: no account without its credential, no half batch', async () => {
  const load = startRegistrations(appliance.url, { name: 'crowd', domain: 'open.example' });
  const paths = [0, 1, 2].map((index) => join(folder, `load${index}.backup`));
  for (const path of paths)
    expect(await runBeside(appliance, ['backup', path])).toMatchObject({ code: 0, stderr: '' });
  const acknowledged = new Set(load.acknowledged());
  const last = join(folder, 'after.backup');
  expect(await runBeside(appliance, ['backup', last])).toMatchObject({ code: 0 });
  await load.stop();

  const database = await createEmptyDatabase();
  expect(await restore(database, [last])).toMatchObject({ code: 0 });
  const restored = await startAppliance({ database });
  try {
    const rows = await restored.sql<{ email: string; has_credential: boolean }>(
      `SELECT email, EXISTS (SELECT FROM credentials WHERE user_id = users.id) AS has_credential
       FROM users`,
    );
    expect(rows.every((row) => row.has_credential)).toBe(true);
    const saved = new Set(rows.map(({ email }) => email));
    expect([...acknowledged].filter((email) => !saved.has(email))).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(0);
  } finally {
    await restored.stop();
    await database.drop();
  }
});

test('kill -9 in the middle of a restore leaves nothing of it', async () => {
  const database = await createEmptyDatabase();
  const url = database.connectionString.replace('@/', '@localhost/');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [BIN, 'restore', '-'], {
    env: { PATH, HOME, AUTHCTL_DATABASE_URL: url, AUTHCTL_MASTER_KEY: MASTER_KEY },
  });
  // Killed while it reads, it takes no more.
  child.stdin.on('error', () => {});
  // The last bytes never come: it has sent rows that it must not commit.
  const bytes = await readFile(join(folder, 'after.backup'));
  child.stdin.write(bytes.subarray(0, -20));
  const copying = `SELECT FROM pg_stat_activity
    WHERE application_name = 'authctl copy' AND datname = $1 AND query LIKE 'COPY "credentials"%'`;
  const name = new URL(url).pathname.slice(1);
  await eventually('rows are in its transaction', async () => {
    return (await appliance.sql(copying, [name])).length > 0;
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await expectNothingIn(database);
  await database.drop();
});

test('through pipes, and nothing else on standard output', async () => {
  const database = await createEmptyDatabase();
  const source = appliance.core.store.connectionString.replace('@/', '@localhost/');
  const target = database.connectionString.replace('@/', '@localhost/');
  const bin = `"${process.execPath}" "${BIN}"`;
  const script = `AUTHCTL_DATABASE_URL='${source}' ${bin} backup - | AUTHCTL_DATABASE_URL='${target}' ${bin} restore - --json`;
  const { PATH = '', HOME = '' } = process.env;
  const piped = spawnSync('bash', ['-o', 'pipefail', '-c', script], {
    env: { PATH, HOME, AUTHCTL_MASTER_KEY: MASTER_KEY },
    encoding: 'utf8',
  });
  expect(piped).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(piped.stdout).rows.users).toBeGreaterThanOrEqual(3);
  await database.drop();
});

test('a file that is there is not replaced, and a folder that is not there is said', async () => {
  const before = await readFile(backup);
  const again = await runBeside(appliance, ['backup', backup]);
  expect(again).toMatchObject({ code: 2, stdout: '' });
  expect((await readFile(backup)).equals(before)).toBe(true);
  const nowhere = await runBeside(appliance, ['backup', join(folder, 'none', 'a.backup')]);
  expect(nowhere.code).toBe(1);
  expect(nowhere.stderr).toContain('cannot be written');
  const nothing = await runBeside(appliance, ['restore', join(folder, 'nothing.backup')]);
  expect(nothing.code).toBe(2);
});
