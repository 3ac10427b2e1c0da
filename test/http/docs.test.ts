import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { type Browser, browserBinary, startBrowser, whyNoBrowser } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { send } from './support/http.ts';
import { tagsOf } from './support/tags.ts';

const BUNDLE = '/docs/api-reference.js';

let appliance: TestAppliance;

beforeAll(async () => {
  appliance = await startAppliance();
});
afterAll(() => appliance.stop());

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  send(appliance.api.listener.port, { path, headers, method });

test('the page may run its own scripts, ask this origin, and nothing else', async () => {
  const { status, headers, text } = await ask('/docs');
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'public, max-age=300',
    'x-content-type-options': 'nosniff',
  });
  const policy = new Map(
    String(headers['content-security-policy'])
      .split('; ')
      .map((part) => [part.slice(0, part.indexOf(' ')), part.slice(part.indexOf(' ') + 1)]),
  );
  expect(policy.get('default-src')).toBe(`'none'`);
  expect(policy.get('connect-src')).toBe(`'self'`);
  expect(policy.get('frame-ancestors')).toBe(`'none'`);
  expect(policy.get('script-src')).toMatch(/^'self'( 'sha256-[\w+/]{43}='){2}$/);
  expect(policy.has('font-src')).toBe(false);
  expect(text).not.toMatch(/(src|href)="https?:/);
});

test('the document names what this listener takes, and says which texts are times', async () => {
  const { components } = JSON.parse((await ask('/openapi.json')).text);
  expect(Object.keys(components.securitySchemes)).toEqual(['bearer']);
  const { properties } = components.schemas.Session;
  for (const name of ['created_at', 'last_used_at', 'expires_at'])
    expect(properties[name]).toMatchObject({ type: 'string', format: 'date-time' });
});

test('the document says what an export holds, down to the last field', async () => {
  const { components } = JSON.parse((await ask('/openapi.json')).text);
  const { sessions, known_networks, mails, audit } = components.schemas.AccountExport.properties;
  for (const { items } of [sessions, known_networks, mails, audit])
    expect(items).toMatchObject({ type: 'object', additionalProperties: false });
  expect(Object.keys(audit.items.properties)).toContain('actor_kind');
});

test('the document says of each route whose token it takes, nobody’s too', async () => {
  const { paths } = JSON.parse((await ask('/openapi.json')).text);
  expect(paths['/v1/login'].post.security).toEqual([]);
  expect(paths['/v1/me'].get.security).toEqual([{ bearer: [] }]);
  const all = Object.values<Record<string, { security?: unknown }>>(paths).flatMap(Object.values);
  for (const { operationId, security } of all) expect(security, operationId).toBeDefined();
});

test('each route has a name of its own for generated clients', async () => {
  const { paths } = JSON.parse((await ask('/openapi.json')).text);
  const operations = Object.values<Record<string, { operationId: string }>>(paths).flatMap(
    Object.values<{ operationId: string }>,
  );
  const names = operations.map(({ operationId }) => operationId);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(expect.arrayContaining(['register', 'login', 'getMe', 'listSessions']));
  expect(names.filter((name) => !/^[a-z][a-zA-Z]+$/.test(name) || name.includes('V1'))).toEqual([]);
});

test('the document says what each group of routes is about', async () => {
  const { used, described } = tagsOf(JSON.parse((await ask('/openapi.json')).text));
  expect(used).toContain('sign-in');
  expect(described).toEqual(used);
});

test('the document names the ETag that a change takes as If-Match', async () => {
  const { paths } = JSON.parse((await ask('/openapi.json')).text);
  const { get, patch } = paths['/v1/me'];
  expect(JSON.stringify(patch.parameters)).toContain('IfMatch');
  const verified = paths['/v1/me/email/verify'].post;
  for (const { responses } of [get, patch, verified])
    expect(responses[200].headers).toHaveProperty('ETag');
  expect(paths['/v1/login'].post.responses[200].headers).not.toHaveProperty('ETag');
});

test('the document tells codes apart, and promises of a present password no least length', async () => {
  const { paths } = JSON.parse((await ask('/openapi.json')).text);
  const field = (path: string, name: string, method = 'post') =>
    paths[path][method].requestBody.content['application/json'].schema.properties[name].description;
  for (const path of ['/v1/verify', '/v1/password/forgot/verify', '/v1/me/email/verify'])
    expect(field(path, 'code')).toContain('mailed');
  for (const path of ['/v1/login/two-factor', '/v1/me/two-factor/totp/confirm'])
    expect(field(path, 'code')).toContain('six digits');
  for (const path of ['/v1/me/password', '/v1/me/email', '/v1/me/two-factor/recovery-codes'])
    expect(field(path, 'code')).toContain('Where two-factor is on');
  expect(field('/v1/me', 'code', 'delete')).toContain('Where two-factor is on');
  expect(field('/v1/login', 'password')).not.toMatch(/\d/);
  expect(field('/v1/register', 'password')).toContain('password.min_length');
});

test('every other answer keeps the strict policy', async () => {
  for (const path of ['/openapi.json', BUNDLE])
    expect((await ask(path)).headers['content-security-policy']).toMatch(/^default-src 'none';/);
});

test('the script comes packed where the reader can unpack it, and is the same either way', async () => {
  const plain = await fetch(appliance.url + BUNDLE, { headers: { 'Accept-Encoding': 'identity' } });
  expect(plain.headers.get('content-encoding')).toBeNull();
  const packed = await fetch(appliance.url + BUNDLE, { headers: { 'Accept-Encoding': 'gzip' } });
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  expect(packed.headers.get('vary')).toContain('Accept-Encoding');
  expect(Number(packed.headers.get('content-length'))).toBeLessThan(2_000_000);
  expect(packed.headers.get('etag')).toBe(plain.headers.get('etag'));
  expect(await packed.text()).toBe(await plain.text());
  const { headers } = await ask(BUNDLE, { 'Accept-Encoding': 'gzip' }, 'HEAD');
  expect(headers['content-length']).toBe(packed.headers.get('content-length'));
});

test('a reader that has the script is answered 304', async () => {
  const first = await ask(BUNDLE, { 'Accept-Encoding': 'gzip' });
  expect(first.headers['cache-control']).toBe('public, max-age=86400');
  const etag = String(first.headers.etag);
  expect(await ask(BUNDLE, { 'If-None-Match': etag })).toMatchObject({ status: 304, text: '' });
  expect((await ask(BUNDLE, { 'If-None-Match': 'W/"another"' })).status).toBe(200);
});

describe.skipIf(browserBinary === null)(`in a browser (else: ${whyNoBrowser})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  const seen = (page: { evaluate<T>(expression: string): Promise<T> }, text: string) =>
    eventually(
      `"${text}" is on the page`,
      () => page.evaluate<boolean>(`document.body.innerText.includes(${JSON.stringify(text)})`),
      25_000,
    );

  test('the reference is shown, with no complaint and no request to anybody else', async () => {
    const page = await browser.open(`${appliance.url}/docs`);
    await seen(page, 'Register an account');
    expect(page.complaints).toEqual([]);
    expect(page.requests.map((url) => new URL(url).origin)).toEqual(
      page.requests.map(() => appliance.url),
    );
    expect(page.requests).toContain(`${appliance.url}/openapi.json`);
  });

  test('a request can be tried from the page', async () => {
    const page = await browser.open(`${appliance.url}/docs#tag/health/GET/health`);
    const press = (text: string) =>
      eventually(`${text} can be pressed`, () =>
        page.evaluate<boolean>(
          `(() => {
            const buttons = [...document.querySelectorAll('button')];
            const found = buttons.findLast((button) => button.innerText.trim().startsWith('${text}'));
            found?.click();
            return found !== undefined;
          })()`,
        ),
      );
    await seen(page, 'Whether this node can serve');
    await press('Test Request');
    await press('Send');
    await eventually('the request was made', () =>
      page.requests.includes(`${appliance.url}/health`),
    );
    await seen(page, '200 OK');
    expect(page.complaints).toEqual([]);
  });

  test('a script that somebody slipped into the page does not run', async () => {
    const page = await browser.open(`${appliance.url}/docs`);
    await seen(page, 'Register an account');
    const ran = await page.evaluate<boolean>(
      `(() => {
        const script = document.createElement('script');
        script.textContent = 'globalThis.slippedIn = true';
        document.body.append(script);
        return globalThis.slippedIn === true;
      })()`,
    );
    expect(ran).toBe(false);
    await eventually('the browser says so', () => page.complaints.length > 0);
  });
});
