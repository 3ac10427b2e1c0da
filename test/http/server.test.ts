import { Writable } from 'node:stream';
import { pino } from 'pino';
import { Type } from 'typebox';
import { describe, expect, test } from 'vitest';
import { toAppError } from '../../src/db/errors.ts';
import { AppError } from '../../src/errors.ts';
import { post, sendRaw, startApp } from './support/http.ts';
import { echo, failing, logout, route, whoami } from './support/routes.ts';

const REQUEST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('headers of every answer', () => {
  const everyKind = [
    { path: '/v1/whoami' },
    { path: '/v1/nothing' },
    { method: 'PUT', path: '/v1/echo' },
    { method: 'OPTIONS', path: '/v1/echo' },
    { method: 'POST', path: '/v1/logout' },
    post('/v1/echo', '{'),
    { path: '/v1/fails' },
  ];

  test.each(everyKind.map((ask) => [`${ask.method ?? 'GET'} ${ask.path}`, ask]))(
    '%s: an id, no caching, no sniffing, no banner',
    async (_name, ask) => {
      const fails = failing('/v1/fails', () => {
        throw new Error('boom');
      });
      const app = await startApp([echo, whoami, logout, fails]);
      const { headers } = await app.ask(ask);
      expect(headers['x-request-id']).toMatch(REQUEST_ID);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(headers['x-powered-by']).toBeUndefined();
      expect(headers['server']).toBeUndefined();
      expect(headers['access-control-allow-origin']).toBeUndefined();
    },
  );

  test.each(['a', 'trace.1_2-3', 'x'.repeat(64)])('the id %s is taken over', async (id) => {
    const app = await startApp([whoami]);
    const answer = await app.ask({ path: '/v1/nothing', headers: { 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toBe(id);
    expect(answer.json.instance).toBe(id);
  });

  test.each(['', 'x'.repeat(65), 'a b', 'a,b', 'a"b', '<script>', 'a/b', 'é'])(
    'the id "%s" is replaced',
    async (id) => {
      const app = await startApp([whoami]);
      const answer = await app.ask({ path: '/v1/whoami', headers: { 'x-request-id': id } });
      expect(answer.headers['x-request-id']).toMatch(REQUEST_ID);
    },
  );

  test('two ids in one request are replaced, and a line break cannot add a header', async () => {
    const app = await startApp([whoami]);
    const two = await app.ask({ path: '/v1/whoami', headers: { 'x-request-id': ['a', 'b'] } });
    expect(two.headers['x-request-id']).toMatch(REQUEST_ID);
    const raw = await sendRaw(
      app.port,
      'GET /v1/whoami HTTP/1.1\r\nHost: a\r\nX-Request-Id: a\rSet-Cookie: x=1\r\nConnection: close\r\n\r\n',
    );
    expect(raw).not.toMatch(/set-cookie/i);
  });
});

describe('errors', () => {
  test('a problem has every member, and its own media type', async () => {
    const app = await startApp([echo]);
    const answer = await app.ask(post('/v1/echo', { email: 'a@b' }));
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.json).toEqual({
      type: 'urn:authctl:error:validation_failed',
      title: 'Validation failed',
      status: 422,
      detail: 'Some fields are not valid.',
      instance: answer.headers['x-request-id'],
      code: 'validation_failed',
      errors: [{ pointer: '/password', code: 'required', detail: 'Is required.' }],
    });
  });

  test('what nobody foresaw is a fixed sentence outside, and one line inside', async () => {
    const lines: string[] = [];
    const sink = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const fails = failing('/v1/fails', () => {
      const error = new Error('select * from users where /srv/authctl');
      throw Object.assign(error, { code: '42P01', detail: 'Key (email)=(ada@example.com)' });
    });
    const app = await startApp([fails], { log: pino({ level: 'info' }, sink), toAppError });
    const answer = await app.ask({ path: '/v1/fails' });
    expect(answer.json).toMatchObject({ status: 500, code: 'internal' });
    expect(answer.text).not.toMatch(/select|srv|42P01|ada@|at /);

    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ request_id: answer.json.instance, route: 'GET /v1/fails' });
    expect(line.fault).toMatchObject({ type: 'Error', code: '42P01' });
    expect(lines[0]).not.toContain('ada@example.com');
  });

  test.each([
    ['a lost database', Object.assign(new Error('x'), { code: '57P01' }), 503, 'unavailable'],
    ['a foreseen refusal', new AppError('email_taken'), 409, 'email_taken'],
    ['a setting', new AppError('config_invalid', { text: 'secret' }), 500, 'internal'],
    ['a schema', new AppError('schema_mismatch', { text: 'secret' }), 503, 'unavailable'],
    ['a string', 'boom', 500, 'internal'],
    ['nothing', undefined, 500, 'internal'],
  ])('%s is answered by its code', async (_name, thrown, status, code) => {
    const fails = failing('/v1/fails', () => {
      throw thrown;
    });
    const app = await startApp([fails], { toAppError });
    const answer = await app.ask({ path: '/v1/fails' });
    expect(answer.json).toMatchObject({ status, code });
    expect(answer.text).not.toContain('secret');
    if (status === 503) expect(answer.headers['retry-after']).toBe('1');
  });

  test('Retry-After is what the error says, in whole seconds', async () => {
    const fails = failing('/v1/fails', () => {
      throw new AppError('overloaded', { retryAfterSeconds: 2.2 });
    });
    const app = await startApp([fails]);
    expect((await app.ask({ path: '/v1/fails' })).headers['retry-after']).toBe('3');
  });

  test('an answer that is not the declared one is a fault where answers are checked', async () => {
    const User = Type.Object({ id: Type.String() }, { additionalProperties: false });
    const leaking = route({
      method: 'get',
      path: '/v1/leak',
      summary: 'Leaks',
      tags: ['test'],
      auth: 'none',
      responses: { 200: User },
      handler: () => {
        const row = { id: 'x', password_hash: 'y' };
        return { status: 200, body: row };
      },
    });
    expect((await (await startApp([leaking])).ask({ path: '/v1/leak' })).status).toBe(500);
  });

  test('so is a header that the declaration does not name', async () => {
    const facts = {
      method: 'get',
      summary: 'Sets a header',
      tags: ['test'],
      auth: 'none',
      responses: { 200: Type.Object({}) },
      handler: () => ({ status: 200 as const, body: {}, headers: { 'X-Thing': 'a' } }),
    } as const;
    const unnamed = route({ ...facts, path: '/v1/unnamed' });
    const named = route({ ...facts, path: '/v1/named', answerHeaders: { 'X-Thing': 'It.' } });
    const app = await startApp([unnamed, named]);
    expect((await app.ask({ path: '/v1/unnamed' })).status).toBe(500);
    expect((await app.ask({ path: '/v1/named' })).status).toBe(200);
  });
});
