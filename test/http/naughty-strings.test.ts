import naughtyStrings from 'big-list-of-naughty-strings/blns.json' with { type: 'json' };
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newAddress, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { signUp } from '../support/sign-in.ts';

/** How a form is refused that nothing can be wrong with but its strings. */
const REFUSED = [
  'malformed_json',
  'body_too_large',
  'validation_failed',
  'password_too_weak',
  'password_breached',
];
/** Requests under way at once. */
const AT_ONCE = 16;
/** What is no text for PostgreSQL, and what a parser may cut or join. */
const NAUGHTY = [
  ...(naughtyStrings as string[]),
  '\0',
  'a\0b',
  '\ud800',
  'x\udfff',
  'e\u0301'.repeat(10_000),
];

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance({
    env: {
      AUTHCTL_USERNAMES: 'display',
      AUTHCTL_PHONES: 'collect',
      AUTHCTL_REGISTRATION_AUTO_LOGIN: 'on',
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_HASH_BACKLOG_MAX_AGE: '24h',
      AUTHCTL_HASH_QUEUE: '1000',
    },
  });
});
afterAll(() => appliance.stop());

/** Does the same with each, some at a time. */
async function forEach<T>(things: readonly T[], work: (thing: T, index: number) => Promise<void>) {
  const left = [...things.entries()];
  const worker = async () => {
    for (let next = left.pop(); next; next = left.pop()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const USUAL: Readonly<Record<string, unknown>> = {
  email: 'nobody@example.com',
  new_email: 'somebody@example.com',
  password: 'not the password of anybody',
  current_password: 'not the password of anybody',
  new_password: 'seven green parrots at noon',
  flow_token: `ft_${'A'.repeat(43)}`,
  code: 'ABCD-2345',
};

interface Operation {
  readonly path: string;
  readonly method: string;
  /** A body that is right as far as its form goes. */
  readonly usual: Readonly<Record<string, unknown>>;
  readonly fields: readonly string[];
}

interface Schema {
  readonly $ref?: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

interface Described {
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
}

/** Every operation that takes JSON, as the appliance itself describes them. */
async function operations(): Promise<Operation[]> {
  const { body: document } = await appliance.call('/openapi.json');
  const schemas: Record<string, Schema> = document.components.schemas;
  const paths: Record<string, Record<string, Described>> = document.paths;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody }]) => {
      const given = requestBody?.content['application/json']?.schema;
      if (!given) return [];
      const { properties, required = [] } = schemas[given.$ref?.split('/').at(-1) ?? ''] ?? given;
      const usual = Object.fromEntries(required.map((field) => [field, USUAL[field]]));
      return [{ path, method: method.toUpperCase(), usual, fields: Object.keys(properties) }];
    }),
  );
}

/** Where each request costs a hash, some strings must do. */
function strideOf(path: string, usual: Operation['usual']): number {
  const isHashed = 'password' in usual || 'current_password' in usual;
  return isHashed && path !== '/v1/register' ? 9 : 1;
}

test('no string in any field of any body is more than a documented error', async () => {
  const { access } = await signUp(appliance);
  const requests = (await operations()).flatMap(({ path, method, usual, fields }) =>
    fields.flatMap((field) =>
      NAUGHTY.filter((_, index) => index % strideOf(path, usual) === 0).map((text) => ({
        path,
        method,
        field,
        body: { ...usual, [field]: text },
      })),
    ),
  );
  expect(requests.length).toBeGreaterThan(8_000);
  await forEach(requests, async ({ path, method, field, body }) => {
    const token = path.startsWith('/v1/me') ? access : undefined;
    const answer = await appliance.call(path, { method, body, ...(token && { token }) });
    const label = `${method} ${path} ${field} ${JSON.stringify(body).slice(0, 200)}`;
    expect(answer.status, label).toBeLessThan(500);
    if (answer.status < 400) return;
    expect(answer.headers.get('content-type'), label).toMatch(/^application\/problem\+json/);
    expect(answer.body.code, label).toMatch(/^[a-z_]+$/);
  });
}, 120_000);

test('what is taken as a password signs in, and is not another one', async () => {
  await forEach(NAUGHTY, async (password) => {
    const email = newAddress('open.example');
    const label = JSON.stringify(password).slice(0, 200);
    const registered = await appliance.call('/v1/register', { body: { email, password } });
    if (registered.status !== 201) return expect(REFUSED, label).toContain(registered.body.code);
    const right = await appliance.call('/v1/login', { body: { email, password } });
    expect(right.status, label).toBe(200);
    const other = { email, password: `${password}x` };
    const wrong = await appliance.call('/v1/login', { body: other });
    expect([401, 422], label).toContain(wrong.status);
  });
}, 60_000);

test('what is taken as the name of a device is told again as it was', async () => {
  const { email } = await signUp(appliance);
  const taken: string[] = [];
  for (const device_name of NAUGHTY) {
    const body = { email, password: PASSWORD, device_name };
    const login = await appliance.call('/v1/login', { body });
    if (login.status !== 200) {
      expect(REFUSED).toContain(login.body.code);
      continue;
    }
    const token = login.body.tokens.access_token;
    const { body: list } = await appliance.call('/v1/me/sessions', { token });
    const current = list.sessions.find((session: { current: boolean }) => session.current);
    expect(current.device_name).toBe(device_name);
    taken.push(device_name);
  }
  expect(taken.length).toBeGreaterThan(300);
}, 60_000);
