import { Validator } from '@seriousme/openapi-schema-validator';
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { healthRoute } from '../../../src/http/health.ts';
import { createOpenApi } from '../../../src/http/kernel/openapi.ts';
import { strictObject, withAtMostOne, withExactlyOne } from '../../../src/http/kernel/schema.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { metricsRoute } from '../../../src/http/metrics-route.ts';
import { openApiRoute } from '../../../src/http/openapi-route.ts';
import { post, startApp } from '../support/http.ts';
import { echo, item, logout, removeItem, route, whoami } from '../support/routes.ts';

const LIMITED = { isLimited: true };
const INFO = {
  title: 'Test',
  version: '1.0.0',
  description: 'Throw-away routes.',
  tags: { test: 'All of them.' },
};

const Thing = Type.Object({ id: Type.String() }, { $id: 'Thing', additionalProperties: false });
const login = route({
  method: 'post',
  path: '/v1/login',
  summary: 'Log in',
  tags: ['test'],
  auth: 'bearer',
  hashing: true,
  idempotent: true,
  conditional: true,
  body: withAtMostOne(
    withExactlyOne(
      strictObject({
        email: Type.Optional(Type.String()),
        username: Type.Optional(Type.String()),
        code: Type.Optional(Type.String()),
        recovery_code: Type.Optional(Type.String()),
      }),
      'email',
      'username',
    ),
    'code',
    'recovery_code',
  ),
  example: { email: 'ada@example.com' },
  responses: { 200: Type.Object({ thing: Thing, things: Type.Array(Thing) }) },
  errors: ['invalid_credentials', 'account_unavailable'],
  handler: () => ({ status: 200, body: { thing: { id: 'a' }, things: [] } }),
});
const everything = [echo, item, removeItem, logout, whoami, login, healthRoute('/health', {})];

describe('the document', () => {
  test('says of an object with any keys what its values are, not a pattern of the keys', () => {
    const { components } = JSON.parse(JSON.stringify(createOpenApi(everything, INFO, LIMITED)));
    const { checks } = components.schemas.Health.properties;
    expect(checks).toEqual({ type: 'object', additionalProperties: { enum: ['ok', 'failing'] } });
    const [example] = components.schemas.Health.examples;
    expect(example).toMatchObject({ status: 'ok', checks: { database: 'ok' } });
  });

  test('is valid OpenAPI 3.1', async () => {
    const document = JSON.parse(JSON.stringify(createOpenApi(everything, INFO, LIMITED)));
    const validator = new Validator();
    const result = await validator.validate(document);
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
    expect(validator.version).toBe('3.1');
  });

  test('says of each route what its declaration says, and what the kernel adds', () => {
    const { paths, components } = JSON.parse(
      JSON.stringify(createOpenApi(everything, INFO, LIMITED)),
    );
    const operation = paths['/v1/login'].post;
    expect(operation.operationId).toBe('postV1Login');
    expect(operation.security).toEqual([{ bearer: [] }]);
    expect(operation.requestBody.content['application/json'].example).toEqual({
      email: 'ada@example.com',
    });
    expect(Object.keys(operation.responses)).toEqual([
      '200',
      '400',
      '401',
      '403',
      '409',
      '412',
      '413',
      '415',
      '422',
      '429',
      '500',
      '503',
    ]);
    expect(
      Object.keys(operation.responses['401'].content['application/problem+json'].examples),
    ).toEqual(['invalid_credentials', 'invalid_token']);
    expect(operation.responses['429'].headers).toHaveProperty('Retry-After');
    expect(components.schemas.Thing).toEqual({
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'string' } },
      additionalProperties: false,
    });
    expect(JSON.stringify(operation.responses['200'])).toContain('#/components/schemas/Thing');
    expect(paths['/v1/items/{id}'].get.parameters.map((p: { name: string }) => p.name)).toEqual([
      'id',
      'limit',
      'deep',
      'name',
    ]);
    expect(Object.keys(paths['/v1/items/{id}'])).toEqual(['get', 'delete']);
  });

  test('names the headers of answers: those of the declaration, and when to try again', () => {
    const kept = route({
      method: 'get',
      path: '/v1/kept',
      summary: 'Something to keep',
      tags: [],
      auth: 'none',
      cacheControl: 'public, max-age=60',
      answerHeaders: { 'X-Thing': 'What it is about.' },
      responses: { 204: null },
      handler: () => ({ status: 204 as const }),
    });
    const routes = [kept, healthRoute('/health', {})];
    const { paths } = JSON.parse(JSON.stringify(createOpenApi(routes, INFO, LIMITED)));
    const { responses } = paths['/v1/kept'].get;
    expect(responses['204'].headers['Cache-Control'].schema.const).toBe('public, max-age=60');
    expect(responses['204'].headers['X-Thing'].description).toBe('What it is about.');
    expect(responses['422'].headers).not.toHaveProperty('Cache-Control');
    expect(paths['/health'].get.responses['503'].headers).toHaveProperty('Retry-After');
  });

  test('of a listener without a Guardian promises no limits, and names only the tokens it takes', () => {
    const text = (isLimited: boolean) =>
      JSON.stringify(createOpenApi([login], INFO, { isLimited }));
    const { paths, components } = JSON.parse(text(false));
    expect(text(true)).toContain('#/components/headers/RateLimit-Policy');
    expect(text(false)).not.toContain('#/components/headers/RateLimit');
    expect(Object.keys(paths['/v1/login'].post.responses)).not.toContain('429');
    expect(Object.keys(components.securitySchemes)).toEqual(['bearer']);
    expect(Object.keys(components.headers)).not.toContain('RateLimit');
  });

  test('declares what each route says to a parameter and to a body that it does not know', async () => {
    const app = await startApp(everything);
    const { paths } = JSON.parse(JSON.stringify(createOpenApi(everything, INFO, LIMITED)));
    const body = '{"unknown":1}';
    const headers = { authorization: 'Bearer x', 'content-type': 'application/json' };
    const seen: string[] = [];
    for (const { name, method, path } of everything) {
      const at = path.replace('{id}', '7');
      const ask = { method: method.toUpperCase(), path: at, headers };
      const length = { 'content-length': String(body.length) };
      const queried = await app.ask({ ...ask, path: `${at}?unknown=1` });
      const filled = await app.ask({ ...ask, headers: { ...headers, ...length }, body });
      for (const answer of [queried, filled]) {
        if (answer.status < 400) continue;
        const content = paths[path][method].responses[answer.status]?.content;
        const { examples } = content?.['application/problem+json'] ?? { examples: {} };
        expect([name, ...Object.keys(examples)]).toContain(answer.json.code);
        seen.push(`${method} ${answer.json.code}`);
      }
    }
    expect(seen).toEqual(expect.arrayContaining(['get malformed_json', 'get validation_failed']));
  });

  test('is served with a validator, and not again to who has it', async () => {
    const app = await startApp([openApiRoute(everything, INFO, LIMITED)]);
    const first = await app.ask({ path: '/openapi.json' });
    expect(first.json.openapi).toBe('3.1.0');
    expect(first.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(first.headers['cache-control']).toBe('public, max-age=300');
    const headers = { 'if-none-match': first.headers.etag ?? '' };
    const second = await app.ask({ path: '/openapi.json', headers });
    expect(second.status).toBe(304);
    expect(second.text).toBe('');
  });
});

describe('combinations of fields', () => {
  const start = () =>
    startApp([login], { authenticate: { bearer: async () => null, operator: async () => null } });
  const ask = async (body: unknown) => {
    const app = await start();
    const answer = await app.ask(post('/v1/login', body, { authorization: 'Bearer x' }));
    return [answer.status, answer.json.errors?.map((field: { code: string }) => field.code)];
  };

  test('exactly one of two means neither none nor both', async () => {
    expect(await ask({ email: 'a' })).toEqual([200, undefined]);
    expect(await ask({})).toEqual([422, ['exactly_one']]);
    expect(await ask({ email: 'a', username: 'b' })).toEqual([422, ['exactly_one']]);
  });

  test('at most one of two means not both', async () => {
    expect(await ask({ email: 'a', code: 'x' })).toEqual([200, undefined]);
    expect(await ask({ email: 'a', code: 'x', recovery_code: 'y' })).toEqual([
      422,
      ['at_most_one'],
    ]);
  });
});

describe('declarations that contradict themselves', () => {
  const facts = {
    method: 'post',
    path: '/v1/x',
    summary: 'x',
    tags: [],
    auth: 'none',
    responses: { 204: null },
    handler: () => ({ status: 204 as const }),
  } as const;

  test('an object that would let unknown fields through is refused at start-up', () => {
    expect(() => route({ ...facts, body: Type.Object({ a: Type.String() }) })).toThrow(
      'strictObject',
    );
    const nested = strictObject({ list: Type.Array(Type.Object({ a: Type.String() })) });
    expect(() => route({ ...facts, body: nested })).toThrow('strictObject');
  });

  test('a GET with a body is refused at start-up', () => {
    expect(() => route({ ...facts, method: 'get', body: strictObject({}) })).toThrow('GET');
  });
});

test('metrics count by declared route, whatever paths are tried', async () => {
  const metrics = createMetrics();
  metrics.gauge('forge_busy', 'Hashes running.', () => 3);
  const app = await startApp([whoami, metricsRoute(metrics)], {
    observeRequest: metrics.observeRequest,
  });
  for (let n = 0; n < 5; n += 1) await app.ask({ path: `/secret-${n}` });
  await app.ask({ path: '/v1/whoami' });
  const { text, headers } = await app.ask({ path: '/metrics' });
  expect(headers['content-type']).toContain('text/plain');
  expect(text).toContain('authctl_http_requests_total{route="unmatched",status="404"} 5');
  expect(text).toContain('authctl_http_requests_total{route="GET /v1/whoami",status="200"} 1');
  expect(text).toContain('authctl_http_request_duration_seconds_count{route="GET /v1/whoami"} 1');
  expect(text).toContain('authctl_forge_busy 3');
  expect(text).not.toContain('secret-');
});
