import { Readable } from 'node:stream';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashParams } from '../../../../src/app/open-forge.ts';
import { readLines } from '../../../../src/lib/read-lines.ts';
import { SYSTEM_ACTOR } from '../../../../src/services/audit/actor.ts';
import { identityPolicyOf } from '../../../../src/services/registration/identity.ts';
import { createFindUsers } from '../../../../src/services/user/admin/find.ts';
import { createExportUsers } from '../../../../src/services/user/transfer/export-users.ts';
import {
  createImportUsers,
  type ImportOptions,
  type Rejection,
} from '../../../../src/services/user/transfer/import-users.ts';
import { startAppliance, type TestAppliance } from '../../../support/appliance.ts';
import { eventually } from '../../../support/eventually.ts';
import { readVectors } from '../../../support/json-vectors.ts';

const env = {
  AUTHCTL_USERNAMES: 'unique',
  AUTHCTL_PHONES: 'collect',
  AUTHCTL_EVENTS_STDOUT: 'on',
  AUTHCTL_HASH_QUEUE: '1000',
};

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({ env });
});
afterAll(() => appliance.stop());

/** Imports lines (objects, or texts as they are) and collects what was rejected. */
async function importInto(
  { core }: TestAppliance,
  lines: readonly unknown[],
  options: Partial<ImportOptions> = {},
) {
  const importUsers = createImportUsers({
    ...core,
    identities: identityPolicyOf(core.config),
    params: hashParams(core.config),
  });
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  const rejections: Rejection[] = [];
  const { id, ...summary } = await importUsers(
    readLines(Readable.from([Buffer.from(text.join('\n'))]), 65_536),
    {
      actor: SYSTEM_ACTOR,
      dryRun: false,
      signal: new AbortController().signal,
      onRejected: (rejection) => void rejections.push(rejection),
      onProgress: () => undefined,
      ...options,
    },
  );
  const problems = rejections.flatMap(({ line, problems }) =>
    problems.map(({ pointer, code }) => `${line} ${pointer} ${code}`),
  );
  return { id, summary, rejections, problems };
}

async function countUsers(): Promise<number> {
  const rows = await appliance.sql<{ users: number }>('SELECT count(*)::int AS users FROM users');
  return rows[0]!.users;
}

function signIn(email: string, password: string) {
  return appliance.call('/v1/login', { body: { email, password } });
}

const { vectors } = readVectors<{ vectors: { password: string; hash: string }[] }>(
  'foreign-hashes.json',
);

test('every format: signs in with its password alone, is replaced at the first sign-in, and signs in again', async () => {
  const lines = vectors.map(({ hash }, index) => ({
    email: `format${index}@open.example`,
    password_hash: hash,
  }));
  expect((await importInto(appliance, lines)).summary).toEqual({
    lines: lines.length,
    imported: lines.length,
    existing: 0,
    rejected: 0,
  });
  for (const [index, { password, hash }] of vectors.entries()) {
    const email = `format${index}@open.example`;
    expect((await signIn(email, `${password}x`)).status).toBe(401);
    expect((await signIn(email, hash)).status).toBe(401);
    expect(await signIn(email, password)).toMatchObject({ status: 200 });
    await eventually(`${hash} is replaced`, async () => {
      const [row] = await appliance.sql<{ phc: string; pepper_kid: string | null }>(
        'SELECT phc, pepper_kid FROM credentials JOIN users ON id = user_id WHERE email = $1',
        [email],
      );
      return row!.pepper_kid !== null && /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/.test(row!.phc);
    });
    expect((await signIn(email, `${password}x`)).status).toBe(401);
    expect(await signIn(email, password)).toMatchObject({ status: 200 });
  }
});

test('30 parallel first sign-ins: all right ones succeed, and one replacement stands', async () => {
  const email = 'parallel@open.example';
  const { password, hash } = vectors.find(({ hash }) => hash.startsWith('$2b$'))!;
  await importInto(appliance, [{ email, password_hash: hash }]);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, n) => signIn(email, n % 3 === 0 ? 'wrong password' : password)),
  );
  expect(answers.map(({ status }) => status)).toEqual(
    Array.from({ length: 30 }, (_, n) => (n % 3 === 0 ? 401 : 200)),
  );
  expect(await signIn(email, password)).toMatchObject({ status: 200 });
});

test('a password changed while the imported hash is being replaced: the new one wins, alone', async () => {
  const { password, hash } = vectors.find(({ hash }) => hash.startsWith('$2b$'))!;
  const emails = Array.from({ length: 8 }, (_, n) => `changed${n}@open.example`);
  await importInto(
    appliance,
    emails.map((email) => ({ email, email_verified: true, password_hash: hash })),
  );
  await Promise.all(
    emails.map(async (email) => {
      const token = (await signIn(email, password)).body.tokens.access_token;
      const body = { current_password: password, new_password: `kestrel over ${email}` };
      const changed = await appliance.call('/v1/me/password', { token, body });
      expect(changed.status).toBe(204);
    }),
  );
  await appliance.api.services.drain();
  for (const email of emails) {
    expect((await signIn(email, password)).status).toBe(401);
    expect((await signIn(email, `kestrel over ${email}`)).status).toBe(200);
  }
});

test('a user without a hash cannot sign in with anything until a password is set', async () => {
  const email = 'hashless@open.example';
  await importInto(appliance, [{ email, email_verified: true }]);
  const [row] = await appliance.sql<{ phc: string }>(
    'SELECT phc FROM credentials JOIN users ON id = user_id WHERE email = $1',
    [email],
  );
  for (const password of ['', ' ', 'password', row!.phc])
    expect((await signIn(email, password || 'x')).status).toBe(401);
  expect((await createFindUsers(appliance.core).resolve(email)).password).toBe('none');
});

test('a bad line is reported by its number and spoils no other', async () => {
  const before = await countUsers();
  const { summary, problems, rejections } = await importInto(appliance, [
    { email: 'good1@open.example' },
    'not json',
    '',
    { email: 'good2@open.example', status: 'gone' },
    { email: 'good3@open.example', password_hash: 'plain text' },
    `{"email":"${'x'.repeat(70_000)}"}`,
    { email: 'good4@open.example', totp: 'JBSWY3DPEHPK3PXP' },
    { email: 'good5@open.example' },
  ]);
  expect(summary).toEqual({ lines: 7, imported: 2, existing: 0, rejected: 5 });
  expect(problems).toEqual([
    '2  malformed_json',
    '4 /status bad_format',
    '5 /password_hash unknown_format',
    '6  unreadable',
    '7 /totp unknown_field',
  ]);
  expect(rejections[0]!.text).toBe('not json');
  expect(await countUsers()).toBe(before + 2);
});

test('repeats in the file and identifiers of other accounts are reported; the same account is left alone', async () => {
  const id = '0198a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b';
  await importInto(appliance, [{ id, email: 'first@open.example', username: 'first' }]);
  const lines = [
    { email: 'first@open.example' },
    { email: 'FIRST2@open.example' },
    { email: 'first2@OPEN.example' },
    { email: 'other@open.example', username: 'First' },
    { email: 'another@open.example', id },
    { email: 'first2@open.example', username: 'first' },
  ];
  const { summary, problems } = await importInto(appliance, lines);
  expect(summary).toEqual({ lines: 6, imported: 1, existing: 1, rejected: 4 });
  expect(problems).toEqual([
    '3 /email repeated',
    '4 /username taken',
    '5 /id taken',
    '6 /email repeated',
    '6 /username repeated',
  ]);
});

test('an account that is there under another id is another account', async () => {
  const lines = [
    '0198a1b2-c3d4-7e5f-8a6b-0000000000a1',
    '0198a1b2-c3d4-7e5f-8a6b-0000000000a2',
  ].map((id) => ({ id, email: 'two-ids@open.example' }));
  await importInto(appliance, lines.slice(0, 1));
  const { summary, problems } = await importInto(appliance, lines.slice(1));
  expect(summary).toMatchObject({ existing: 0, rejected: 1 });
  expect(problems).toEqual(['1 /email taken']);
});

test('running it again changes nothing, and a changed line does not change the account', async () => {
  const lines = Array.from({ length: 1_200 }, (_, n) => ({ email: `again${n}@open.example` }));
  expect((await importInto(appliance, lines)).summary).toMatchObject({ imported: 1_200 });
  const rows = () => appliance.sql(`SELECT * FROM users WHERE email LIKE 'again%' ORDER BY id`);
  const before = await rows();
  const changed = lines.map((line) => ({ ...line, role: 'admin', status: 'disabled' }));
  expect((await importInto(appliance, changed)).summary).toEqual({
    lines: 1_200,
    imported: 0,
    existing: 1_200,
    rejected: 0,
  });
  expect(await rows()).toEqual(before);
});

test('a dry run finds what a run finds and writes nothing', async () => {
  const lines = [
    { email: 'dry1@open.example' },
    { email: 'dry1@open.example' },
    { email: 'first@open.example', username: 'dry' },
    { email: 'dry2@open.example', password_hash: '$2b$31$x' },
    { email: 'again1@open.example' },
  ];
  const tables = ['users', 'credentials', 'audit', 'events'];
  const count = async () =>
    Promise.all(tables.map((table) => appliance.sql(`SELECT count(*) FROM ${table}`)));
  const before = await count();
  const dry = await importInto(appliance, lines, { dryRun: true });
  expect(await count()).toEqual(before);
  const real = await importInto(appliance, lines);
  expect({ ...dry, id: '' }).toEqual({ ...real, id: '' });
  expect(real.summary).toEqual({ lines: 5, imported: 1, existing: 1, rejected: 3 });
});

test('8 imports of the same users at once: each user once, every line answered', async () => {
  const lines = Array.from({ length: 700 }, (_, n) => ({
    email: `race${n}@open.example`,
    username: `race${n}`,
  }));
  const results = await Promise.all(
    Array.from({ length: 8 }, (_, n) => importInto(appliance, n % 2 ? lines : lines.toReversed())),
  );
  const total = (pick: (summary: (typeof results)[0]['summary']) => number) =>
    results.reduce((sum, { summary }) => sum + pick(summary), 0);
  expect(total(({ imported }) => imported)).toBe(700);
  expect(total(({ existing }) => existing)).toBe(7 * 700);
  expect(total(({ rejected }) => rejected)).toBe(0);
});

test('two imports that meet in the middle wait for one another, and neither is lost', async () => {
  const lines = Array.from({ length: 400 }, (_, n) => ({
    email: `order${String(n).padStart(3, '0')}@open.example`,
  }));
  const { connectionString } = appliance.core.store;
  const holder = new Client({ connectionString });
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await holder.query(
      `INSERT INTO users (id, email, created_at, updated_at)
       VALUES (gen_random_uuid(), 'order200@open.example', now(), now())`,
    );
    const imports = [lines, lines.toReversed()].map((some) => importInto(appliance, some));
    const isWaiting = async () => {
      const waiting = await appliance.sql(
        `SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length === 2;
    };
    await eventually('both are held up', isWaiting);
    await holder.query('ROLLBACK');
    const summaries = (await Promise.all(imports)).map(({ summary }) => summary);
    expect(summaries.map(({ rejected }) => rejected)).toEqual([0, 0]);
    expect(summaries.reduce((sum, { imported }) => sum + imported, 0)).toBe(400);
  } finally {
    await holder.end();
  }
});

test('the audit names the import, its rows carry it, and each user is announced', async () => {
  const { id } = await importInto(appliance, [
    { email: 'audited@open.example', username: 'Audited' },
  ]);
  const audit = await appliance.sql(
    `SELECT action, actor_kind, detail FROM audit WHERE detail->>'import' = $1`,
    [id],
  );
  expect(audit).toEqual([
    { action: 'users.imported', actor_kind: 'system', detail: { import: id, users: 1 } },
  ]);
  const events = await appliance.sql(
    `SELECT type, payload FROM events JOIN users ON users.id = user_id
     WHERE created_request_id = $1`,
    [id],
  );
  const payload = { status: 'active', username: 'Audited', has_email: true, imported: true };
  expect(events).toEqual([{ type: 'user.registered', payload }]);
});

test('accounts of a domain that may not register come along, and sign in', async () => {
  const email = 'ada@elsewhere.example';
  const { password, hash } = vectors.find(({ hash }) => hash.startsWith('$2b$'))!;
  const line = { email, email_verified: true, password_hash: hash };
  expect((await importInto(appliance, [line])).summary).toMatchObject({ imported: 1 });
  expect(await signIn(email, password)).toMatchObject({ status: 200 });
  const body = { email: 'bob@elsewhere.example', password: 'kestrel over the moor' };
  expect((await appliance.call('/v1/register', { body })).status).toBe(403);
});

test('a pending account has its name from its mailbox on, so none loses its own to one in a move', async () => {
  const lines = [
    { email: 'waits@example.com', username: 'Moved', status: 'pending' },
    { email: 'owns@example.com', username: 'Moved', email_verified: true },
  ];
  const { summary, problems } = await importInto(appliance, lines);
  expect(problems).toEqual([]);
  expect(summary).toMatchObject({ imported: 2, rejected: 0 });
  const rows = await appliance.sql(
    `SELECT email FROM users WHERE username_key = 'moved' AND username = 'Moved'`,
  );
  expect(rows).toEqual([{ email: 'owns@example.com' }]);
  expect((await importInto(appliance, lines)).summary).toMatchObject({ existing: 2, rejected: 0 });
});

test('a stop is obeyed between two batches, and what was written stays', async () => {
  const stop = new AbortController();
  const lines = Array.from({ length: 1_500 }, (_, n) => ({ email: `stopped${n}@open.example` }));
  const { summary } = await importInto(appliance, lines, {
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  expect(summary).toEqual({ lines: 500, imported: 500, existing: 0, rejected: 0 });
});

test('5,000 users survive import, export, import elsewhere and export again, byte for byte', async () => {
  const [here, there] = await Promise.all([startAppliance({ env }), startAppliance({ env })]);
  try {
    const lines = Array.from({ length: 5_000 }, (_, n) => ({
      email: `user${n}@open.example`,
      username: n % 2 ? `User.${n}` : null,
      phone: n % 3 ? `+4179${1_000_000 + n}` : null,
      status: ['active', 'locked', 'disabled', 'pending'][n % 4],
      role: n % 10 ? 'user' : 'admin',
      email_verified: n % 5 > 0,
      created_at: new Date(1_600_000_000_000 + n * 1_000).toISOString(),
    }));
    expect((await importInto(here, lines)).summary).toMatchObject({ imported: 5_000, rejected: 0 });
    const first = await exportFrom(here);
    expect(first).toHaveLength(5_000);
    // Ids are made in the order of the lines, and an export has theirs.
    expect(first.map((line) => ({ ...JSON.parse(line), id: undefined }))).toEqual(lines);
    expect((await importInto(there, first)).summary).toMatchObject({ imported: 5_000 });
    expect(await exportFrom(there)).toEqual(first);
  } finally {
    await Promise.all([here.stop(), there.stop()]);
  }
});

async function exportFrom({ core }: TestAppliance): Promise<string[]> {
  const lines: string[] = [];
  for await (const { text } of createExportUsers(core.db).pages())
    lines.push(...text.trimEnd().split('\n'));
  return lines;
}
