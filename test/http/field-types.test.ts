import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTwoFactorAccount, logIn, type TwoFactorAccount } from '../support/accounts.ts';
import { type Answer, startAppliance, type TestAppliance } from '../support/appliance.ts';
import { dumpDatabase } from '../support/dump.ts';
import { startTestManagement, type TestManagement } from '../support/management.ts';
import { type Operation, operations } from './support/operations.ts';

/** Every field of every body of both listeners, with what does not belong there. */
let appliance: TestAppliance;
let management: TestManagement;
let account: TwoFactorAccount;

beforeAll(async () => {
  appliance = await startAppliance({
    env: { AUTHCTL_USERNAMES: 'unique', AUTHCTL_PHONES: 'collect' },
  });
  management = await startTestManagement(appliance);
  account = await createTwoFactorAccount(appliance);
  // Live flows, one of each that a stranger may begin, so that there is something to match.
  await logIn(appliance, account);
  await appliance.call('/v1/password/forgot', { body: { email: account.email } });
});
afterAll(async () => {
  await management.stop();
  await appliance.stop();
});

const BOOLEANS = ['email_verified', 'trust', 'dry_run'];
/** Where nothing is a value: it takes away what is there. */
const NULLABLE = ['PATCH /v1/me', 'PATCH /admin/v1/users/{id}'];
const VALUES = [null, true, 7, 'text', [], ['a', 'b'], {}, { not: '' }, { contains: '' }];
const UNKNOWN = [
  ...['id', 'user_id', 'role', 'status', 'version', 'email_verified', 'emailVerified'],
  ...['password_hash', 'passwordHash', 'phc', 'created_at', 'createdAt', 'session_id', '__proto__'],
];
/** What a record may be found by. */
const KEYS = ['email', 'username', 'flow_token', 'code', 'recovery_code', 'refresh_token'];
const SECRETS = [...KEYS, 'password', 'current_password', 'new_password'];

const isRight = ({ method, path }: Operation, field: string, value: unknown): boolean =>
  typeof value === (BOOLEANS.includes(field) ? 'boolean' : 'string') ||
  (value === null && NULLABLE.includes(`${method} ${path}`));

/** Sends bodies to every operation; returns the answers, and makes sure that nothing came of them. */
async function sendAll(
  listener: TestAppliance | TestManagement,
  bodiesOf: (operation: Operation) => readonly { field: string; body: object }[],
): Promise<{ label: string; field: string; answer: Answer }[]> {
  const readState = () =>
    dumpDatabase(appliance, ['nodes', 'limit_counters', 'audit', 'operators']);
  const before = await readState();
  const answers = [];
  for (const operation of await operations(listener)) {
    const path = operation.path.replace('{id}', account.id).replace('{name}', 'example.com');
    const token = path.startsWith('/v1/') ? { token: account.token } : {};
    for (const { field, body } of bodiesOf(operation)) {
      const answer = await listener.call(path, { method: operation.method, body, ...token });
      const label = `${operation.method} ${path} ${JSON.stringify(body)}`;
      answers.push({ label, field, answer });
    }
  }
  expect(await readState()).toEqual(before);
  return answers;
}

test.each(['the public listener', 'the management listener'])(
  'no field of %s takes another type, and nothing comes of it',
  async (which) => {
    const answers = await sendAll(
      which === 'the public listener' ? appliance : management,
      (operation) =>
        operation.fields.flatMap((field) =>
          VALUES.filter((value) => !isRight(operation, field, value)).map((value) => ({
            field,
            body: { ...operation.usual, [field]: value },
          })),
        ),
    );
    expect(answers.length).toBeGreaterThan(100);
    for (const { label, field, answer } of answers) {
      expect(answer, label).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
      const pointers = answer.body.errors.map(({ pointer }: { pointer: string }) => pointer);
      expect(pointers, label).toContain(`/${field}`);
    }
  },
);

test.each(['the public listener', 'the management listener'])(
  'no body of %s takes a field that is not its own, and nothing comes of it',
  async (which) => {
    const answers = await sendAll(
      which === 'the public listener' ? appliance : management,
      ({ fields, usual }) =>
        UNKNOWN.filter((field) => !fields.includes(field)).map((field) => ({
          field,
          body: { ...usual, [field]: 'admin' },
        })),
    );
    expect(answers.length).toBeGreaterThan(80);
    for (const { label, field, answer } of answers) {
      const known = answer.body.code === 'malformed_json' ? 400 : 422;
      expect(answer.status, label).toBe(known);
      if (field !== '__proto__')
        expect(answer.body.errors, label).toContainEqual(
          expect.objectContaining({ pointer: `/${field}`, code: 'unknown_field' }),
        );
    }
  },
);

test('what is missing, empty or blank is nobody’s secret', async () => {
  const answers = await sendAll(appliance, ({ fields, usual, path }) =>
    SECRETS.filter((field) => fields.includes(field)).flatMap((field) => [
      ...['', '   '].map((text) => ({ field, body: { ...usual, [field]: text } })),
      // Registering with an address alone, or a password alone, is what the others are about.
      ...(path === '/v1/register' || !(field in usual)
        ? []
        : [{ field, body: { ...usual, [field]: undefined } }]),
    ]),
  );
  expect(answers.length).toBeGreaterThan(80);
  for (const { label, answer } of answers) {
    expect(answer.status, label).toBeGreaterThanOrEqual(400);
    expect(answer.status, label).toBeLessThan(500);
  }
});
