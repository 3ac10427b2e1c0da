import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { post, sendRaw, startApp } from '../support/http.ts';
import { echo, logout, whoami } from '../support/routes.ts';

const GOOD = { email: 'ada@example.com', password: 'correct horse' };

const start = () => startApp([echo, logout, whoami]);

function codesOf(json: { errors?: { pointer: string; code: string }[] }): Record<string, string> {
  return Object.fromEntries((json.errors ?? []).map(({ pointer, code }) => [pointer, code]));
}

describe('what is accepted', () => {
  test('a good body reaches the handler unchanged, four-byte and right-to-left text included', async () => {
    const app = await start();
    const body = { ...GOOD, device_name: '\u{1F980} שלום e\u0301', age: 7, remember: false };
    const answer = await app.ask(post('/v1/echo', body));
    expect(answer.status).toBe(200);
    expect(answer.json.body).toEqual(body);
  });

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'Application/JSON',
  ])('the media type %s is taken', async (type) => {
    const app = await start();
    const answer = await app.ask(post('/v1/echo', GOOD, { 'content-type': type }));
    expect(answer.status).toBe(200);
  });

  test('colons, braces and escaped quotes inside strings are not taken for keys', async () => {
    const app = await start();
    const body = { ...GOOD, device_name: '{"a":1,"a":2} \\" : \\\\" :' };
    const answer = await app.ask(post('/v1/echo', body));
    expect(answer.json.body).toEqual(body);
  });

  test('a body of exactly 16 KiB is read', async () => {
    const app = await start();
    const text = JSON.stringify(GOOD);
    const answer = await app.ask(post('/v1/echo', text + ' '.repeat(16_384 - text.length)));
    expect(answer.status).toBe(200);
  });

  test('a route without a body takes nothing, or an empty object', async () => {
    const app = await start();
    expect((await app.ask({ method: 'POST', path: '/v1/logout' })).status).toBe(204);
    expect((await app.ask(post('/v1/logout', {}))).status).toBe(204);
    expect((await app.ask(post('/v1/logout', { all: true }))).status).toBe(422);
  });
});

describe('the type lattice', () => {
  const wrong = [{}, { not: '' }, { contains: '' }, [], ['a', 'b'], 1, true, null];
  const fields = ['email', 'password', 'device_name'] as const;

  test.each(fields.flatMap((field) => wrong.map((value) => [field, JSON.stringify(value)])))(
    '%s: %s is refused as the wrong type',
    async (field, value) => {
      const app = await start();
      const body = `{${JSON.stringify({ ...GOOD, [field]: 0 })
        .slice(1, -1)
        .replace(`"${field}":0`, `"${field}":${value}`)}}`;
      const answer = await app.ask(post('/v1/echo', body));
      expect(answer.status).toBe(422);
      expect(answer.json.code).toBe('validation_failed');
      expect(codesOf(answer.json)).toEqual({ [`/${field}`]: 'wrong_type' });
    },
  );

  test.each([
    ['age', '7', 'wrong_type'],
    ['age', 1.5, 'wrong_type'],
    ['age', Number.POSITIVE_INFINITY, 'wrong_type'],
    ['age', -1, 'too_small'],
    ['age', 151, 'too_large'],
    ['remember', 'true', 'wrong_type'],
    ['phone', 7, 'wrong_type'],
    ['phone', '123', 'bad_format'],
    ['kind', 'c', 'not_allowed'],
    ['email', 'a', 'too_short'],
    ['email', 'a'.repeat(255), 'too_long'],
    ['extra', 'x', 'wrong_type'],
  ])('%s: %j is refused with the code of its problem', async (field, value, code) => {
    const app = await start();
    const text = JSON.stringify({ ...GOOD, [field]: value }).replace('null', '1e400');
    const answer = await app.ask(post('/v1/echo', text));
    expect(answer.status).toBe(422);
    expect(codesOf(answer.json)).toEqual({ [`/${field}`]: code });
  });

  test('missing and unknown fields are named one by one, nested ones by their pointer', async () => {
    const app = await start();
    const body = { password: 'x', role: 'admin', extra: { note: 'n', 'a/b~c': 1 } };
    const answer = await app.ask(post('/v1/echo', body));
    expect(answer.status).toBe(422);
    expect(codesOf(answer.json)).toEqual({
      '/email': 'required',
      '/password': 'too_short',
      '/role': 'unknown_field',
      '/extra/a~1b~0c': 'unknown_field',
    });
  });

  test.each([7, 15, 500, 1_500])(
    '%i unknown fields hide nothing that is missing, and are named, 16 in all',
    async (count) => {
      const app = await start();
      const many = Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, 1]));
      const codes = codesOf((await app.ask(post('/v1/echo', many))).json);
      expect(codes).toMatchObject({
        '/email': 'required',
        '/password': 'required',
        '/f0': 'unknown_field',
      });
      expect(Object.keys(codes)).toHaveLength(Math.min(count + 2, 16));
    },
  );

  test('an answer never repeats a value, and is short whatever is sent', async () => {
    const app = await start();
    const secret = 'hunter2-hunter2';
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`f${n}`, secret]));
    const answer = await app.ask(post('/v1/echo', { email: [secret], password: 7, ...many }));
    expect(answer.status).toBe(422);
    expect(answer.text).not.toContain(secret);
    expect(answer.text.length).toBeLessThan(4_000);
  });
});

describe('what is not JSON as we mean it', () => {
  test.each([
    ['nothing', ''],
    ['half an object', '{"email":'],
    ['a trailing comma', '{"email":"a",}'],
    ['two values', '{}{}'],
    ['NaN', '{"age":NaN}'],
    ['a comment', '{/* */}'],
    ['a byte order mark', '\uFEFF{}'],
    ['a bare NUL', '{"email":"a\u0000"}'],
    ['a duplicate key', '{"email":"a@example.com","email":"b@example.com","password":"12345678"}'],
    ['a duplicate key in disguise', '{"email":"a@b","em\\u0061il":"c@d","password":"12345678"}'],
    ['a nested duplicate key', '{"extra":{"note":"a","note" :"b"}}'],
    ['a duplicate key in an array', '{"extra":[{"a":1,"a":1}]}'],
    ['__proto__', '{"__proto__":{"isAdmin":true}}'],
    ['__proto__ in disguise', '{"\\u005f_proto__":{"isAdmin":true}}'],
    ['__proto__ below', '{"extra":{"__proto__":{"isAdmin":true}}}'],
    ['nine levels', `${'{"a":'.repeat(9)}1${'}'.repeat(9)}`],
    ['eight thousand levels', `{"a":${'['.repeat(8_000)}${']'.repeat(8_000)}}`],
  ])('%s is malformed_json', async (_name, text) => {
    const app = await start();
    const answer = await app.ask(post('/v1/echo', text));
    expect(answer.status).toBe(400);
    expect(answer.json.code).toBe('malformed_json');
    expect(Reflect.get({}, 'isAdmin')).toBeUndefined();
  });

  test.each(['[1]', '"x"', '1', 'null', 'true', '['.repeat(8_000) + ']'.repeat(8_000)])(
    '%.10s is JSON, but no object',
    async (text) => {
      const app = await start();
      const answer = await app.ask(post('/v1/echo', text));
      expect(answer.status).toBe(422);
      const errors = [{ pointer: '', code: 'wrong_type', detail: expect.any(String) }];
      expect(answer.json).toMatchObject({ code: 'validation_failed', errors });
    },
  );

  test.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate as UTF-8', [0xed, 0xa0, 0x80]],
    ['latin-1', [0xe9]],
    ['utf-16', [0xff, 0xfe]],
  ])('%s is not UTF-8', async (_name, bytes) => {
    const app = await start();
    const body = Buffer.concat([Buffer.from('{"email":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const answer = await app.ask(post('/v1/echo', body));
    expect(answer.json).toMatchObject({ status: 400, code: 'malformed_json' });
  });

  test.each([
    ['/email', '{"email":"a\\u0000b@c","password":"12345678"}', 'nul'],
    ['/email', '{"email":"\\ud800abc","password":"12345678"}', 'lone_surrogate'],
    ['/email', '{"email":"\\udc00\\ud800","password":"12345678"}', 'lone_surrogate'],
    ['/extra/note', '{"extra":{"note":"\\u0000"}}', 'nul'],
    ['/extra', '{"extra":{"no\\u0000te":"x"}}', 'nul'],
    ['', '{"\\udfff":"x"}', 'lone_surrogate'],
  ])('%s of %s is refused as %s', async (pointer, text, code) => {
    const app = await start();
    const answer = await app.ask(post('/v1/echo', text));
    expect(answer.status).toBe(422);
    expect(codesOf(answer.json)).toEqual({ [pointer]: code });
  });
});

describe('what is refused before it is read', () => {
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; x=y',
    'application/jsonp',
    'application/json, text/plain',
    'text/json',
    '',
  ])('the media type "%s" is unsupported', async (type) => {
    const app = await start();
    const answer = await app.ask(post('/v1/echo', GOOD, { 'content-type': type }));
    expect(answer.json).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test('a body without a media type is unsupported', async () => {
    const app = await start();
    const answer = await app.ask({ method: 'POST', path: '/v1/echo', body: '{}' });
    expect(answer.status).toBe(415);
  });

  test('a compressed body is unsupported', async () => {
    const app = await start();
    const body = gzipSync(JSON.stringify(GOOD));
    const answer = await app.ask(post('/v1/echo', body, { 'content-encoding': 'gzip' }));
    expect(answer.status).toBe(415);
  });

  test('a length over 16 KiB is refused, and the client can read why', async () => {
    const app = await start();
    const answer = await app.ask(post('/v1/echo', 'x'.repeat(16_385)));
    expect(answer.json).toMatchObject({ status: 413, code: 'body_too_large' });
  });

  test('a large upload is cut, and the client can still read why', async () => {
    const app = await start();
    const answer = await app.ask(post('/v1/echo', 'x'.repeat(400_000)));
    expect(answer.json).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(answer.headers.connection).toBe('close');
  });

  test('an endless chunked stream is cut at the limit', async () => {
    const app = await start();
    const chunk = `2000\r\n${'x'.repeat(0x2000)}\r\n`;
    const head =
      'POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
    const answer = await sendRaw(app.port, head + chunk.repeat(4));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/^connection: close\r$/im);
  });

  test('a GET with content is refused', async () => {
    const app = await start();
    const headers = { 'content-length': '2' };
    const answer = await app.ask({ method: 'GET', path: '/v1/whoami', headers, body: '{}' });
    expect(answer.json).toMatchObject({ status: 400, code: 'malformed_json' });
  });
});

test('random bodies never make a server error and never stop the process', async () => {
  const app = await start();
  const bodies = fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.object({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
    fc.record({ email: fc.anything(), password: fc.string() }).map((value) => {
      try {
        return JSON.stringify(value);
      } catch {
        return '{}';
      }
    }),
  );
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const answer = await app.ask(post('/v1/echo', body));
      expect([200, 400, 413, 422]).toContain(answer.status);
    }),
    { numRuns: 300 },
  );
  expect((await app.ask(post('/v1/echo', GOOD))).status).toBe(200);
});
