import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import Koa from 'koa';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Exchange } from '../../src/http/kernel/exchange.ts';
import { listen } from '../../src/http/listen.ts';
import { post, send, sendRaw, startApp, until } from './support/http.ts';
import { echo, route, whoami } from './support/routes.ts';

/** A route that answers when the test says so. */
function held() {
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  const slow = route({
    method: 'get',
    path: '/v1/slow',
    summary: 'Waits',
    tags: ['test'],
    auth: 'none',
    responses: { 204: null },
    handler: async () => {
      await gate;
      return { status: 204 };
    },
  });
  return { slow, release };
}

const GET = 'GET /v1/whoami HTTP/1.1\r\nHost: a\r\n\r\n';

/** Whether nobody listens there any more. */
const refuses = (port: number) =>
  send(port, { path: '/v1/whoami' }).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
  );

describe('closing', () => {
  test('lets every request in flight have its answer, then ends its connection', async () => {
    const { slow, release } = held();
    const app = await startApp([slow, whoami]);
    const answers = Array.from({ length: 20 }, () => send(app.port, { path: '/v1/slow' }));
    await until(() => app.inFlight() === 20);

    const closed = app.close(5_000);
    await until(() => refuses(app.port));
    release();
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(204);
      expect(answer.headers.connection).toBe('close');
    }
    await closed;
    expect(await app.connections()).toBe(0);
  });

  test('answers whoever had connected and was not accepted yet', async () => {
    const app = await startApp([whoami]);
    const answers = Array.from({ length: 100 }, () => sendRaw(app.port, GET));
    // The system has taken all of them by now; the server, one at a time, few.
    await until(async () => (await app.connections()) > 0);
    await app.close(5_000);
    for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
  });

  test('does not wait for connections that are idle', async () => {
    const app = await startApp([whoami]);
    const agent = new Agent({ keepAlive: true });
    await new Promise<void>((resolve) => {
      const options = { port: app.port, host: '127.0.0.1', path: '/v1/whoami', agent };
      httpRequest(options, (response) => response.resume().on('end', resolve)).end();
    });
    expect(await app.connections()).toBe(1);
    await app.close(60_000);
    agent.destroy();
  });

  test('answers what was already on its way over an open connection', async () => {
    const app = await startApp([whoami]);
    const socket = connect(app.port, '127.0.0.1');
    const text: string[] = [];
    socket.on('data', (chunk) => text.push(chunk.toString('latin1')));
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.write(GET);
    await until(() => text.join('').includes('200 OK'));
    const closed = app.close(5_000);
    socket.write(GET);
    await Promise.all([closed, ended]);
    expect(text.join('').match(/200 OK/g)).toHaveLength(2);
    expect(text.join('')).toMatch(/Connection: close/i);
  });

  test('answers what arrived while it was held up itself, however long', async () => {
    const app = await startApp([whoami]);
    const socket = connect(app.port, '127.0.0.1');
    const text: string[] = [];
    socket.on('data', (chunk) => text.push(chunk.toString('latin1')));
    socket.on('error', () => undefined);
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.write(GET);
    await until(() => text.join('').includes('200 OK'));
    // Timers come first after this, reading later.
    await new Promise((resolve) => setImmediate(resolve));
    const closed = app.close(5_000);
    socket.write(GET);
    const heldUpUntil = performance.now() + 600;
    while (performance.now() < heldUpUntil);
    await Promise.all([closed, ended]);
    expect(text.join('').match(/200 OK/g)).toHaveLength(2);
  });

  test('cuts what is left at the deadline, and may be asked twice', async () => {
    const { slow } = held();
    const app = await startApp([slow]);
    const answer = send(app.port, { path: '/v1/slow' });
    const refused = expect(answer).rejects.toThrow();
    await until(() => app.inFlight() === 1);
    await Promise.all([app.close(50), app.close(50)]);
    await refused;
  });
});

describe('connections', () => {
  test('one above the cap is closed, and a free place is given again', async () => {
    const app = await startApp([whoami], { maxConnections: 2 });
    const first = connect(app.port, '127.0.0.1');
    const second = connect(app.port, '127.0.0.1');
    await until(async () => (await app.connections()) === 2);
    await expect(send(app.port, { path: '/v1/whoami' })).rejects.toThrow();
    first.destroy();
    second.destroy();
    await until(async () => (await app.connections()) === 0);
    expect((await send(app.port, { path: '/v1/whoami' })).status).toBe(200);
  });

  test('a port that is taken is refused with what to do', async () => {
    const app = await startApp([whoami]);
    const other = startApp([whoami], { port: app.port });
    await expect(other).rejects.toMatchObject({
      code: 'config_invalid',
      message: `127.0.0.1:${app.port} is in use.`,
      hint: expect.stringContaining('AUTHCTL_PORT'),
    });
  });
});

describe('slow clients', () => {
  const timeouts = { headersTimeout: 60, requestTimeout: 120, connectionsCheckingInterval: 20 };

  test.each([
    ['headers', 'POST /v1/echo HTTP/1.1\r\nHost: a\r\n'],
    [
      'a body',
      'POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ],
  ])('%s that never end are cut with 408', async (_name, bytes) => {
    const app = await startApp([echo], { timeouts });
    expect(await sendRaw(app.port, bytes)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('bytes that go on arriving after the answer do not keep the connection', async () => {
    const app = await startApp([echo], { timeouts });
    const socket = connect({ port: app.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined);
    const text: string[] = [];
    socket.on('data', (chunk) => text.push(chunk.toString('latin1')));
    socket.write('POST /v1/echo HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('a'), 10);
    onTestFinished(() => {
      clearInterval(drip);
      socket.destroy();
    });
    await until(() => text.join('').startsWith('HTTP/1.1 408 '));
    await until(async () => (await app.connections()) === 0);
  });

  test('a connection that says nothing is cut', async () => {
    const app = await startApp([echo], { timeouts: { ...timeouts, timeout: 50 } });
    expect(await sendRaw(app.port, '')).not.toMatch(/ 200 /);
  });
});

describe('bytes that are no request', () => {
  const HEAD = 'POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
  const CHUNKS = 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n';

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['a length and chunks', `${HEAD}Content-Length: 2\r\n${CHUNKS}`],
    ['two lengths', `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['a length that is no number', `${HEAD}Content-Length: 2x\r\n\r\n{}`],
    ['a negative length', `${HEAD}Content-Length: -1\r\n\r\n{}`],
    ['a space before the colon', `${HEAD}Content-Length : 2\r\n\r\n{}`],
    ['a folded header', `${HEAD}X-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}`],
    ['an unknown transfer coding', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n{}`],
    ['a chunk size that is no number', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n`],
    ['a NUL in a header', `${HEAD}X-A: \0\r\nContent-Length: 2\r\n\r\n{}`],
    ['bare line feeds', 'POST /v1/echo HTTP/1.1\nHost: a\nContent-Length: 2\n\n{}'],
    ['no Host', 'GET /v1/whoami HTTP/1.1\r\n\r\n'],
    ['a body and no Host', 'POST /v1/echo HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'],
    ['two Hosts', 'GET /v1/whoami HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n'],
    ['two Hosts of HTTP/1.0', 'GET /v1/whoami HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n'],
    [
      'two Authorizations',
      'GET /v1/whoami HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\r\nAUTHORIZATION: Bearer b\r\n\r\n',
    ],
    ['two content types', `${HEAD}Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}`],
  ])('%s is refused and the connection ended', async (_name, bytes) => {
    const app = await startApp([echo, whoami]);
    const answer = await sendRaw(app.port, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer.match(/^HTTP\/1\.1 /gm)).toHaveLength(1);
    expect(answer).toMatch(/Connection: close/i);
    expect(answer).toContain('application/problem+json');
    expect(answer).toMatch(/X-Request-Id: [0-9a-f-]{36}/);
    expect(answer).toMatch(/Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({
      type: 'about:blank',
      status: 400,
      detail: expect.any(String),
      instance: expect.any(String),
    });
    expect((await app.ask({ path: '/v1/whoami' })).status).toBe(200);
  });

  test('HTTP/1.0 needs no Host', async () => {
    const app = await startApp([whoami]);
    expect(await sendRaw(app.port, 'GET /v1/whoami HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('an expectation that is not known is refused with 417, 100-continue is met', async () => {
    const app = await startApp([echo]);
    const refused = await sendRaw(app.port, `${HEAD}Expect: foo\r\nContent-Length: 2\r\n\r\n`);
    expect(refused).toMatch(/^HTTP\/1\.1 417 /);
    expect(refused).toContain('application/problem+json');
    expect(refused).toMatch(/X-Request-Id: [0-9a-f-]{36}/);
    const expecting = `${HEAD}Expect: 100-continue\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}`;
    expect(await sendRaw(app.port, expecting)).toMatch(/^HTTP\/1\.1 100 .*\r\n\r\nHTTP\/1\.1 422 /);
  });

  test('headers of more than 16 KiB are refused with 431', async () => {
    const app = await startApp([whoami]);
    const bytes = `GET /v1/whoami HTTP/1.1\r\nHost: a\r\nX-A: ${'x'.repeat(20_000)}\r\n\r\n`;
    expect(await sendRaw(app.port, bytes)).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('a client that leaves half way through a body harms nobody', async () => {
    const app = await startApp([echo]);
    for (let n = 0; n < 20; n += 1) {
      const socket = connect(app.port, '127.0.0.1');
      await new Promise<void>((resolve) => {
        socket.write(`${HEAD}Content-Length: 100\r\n\r\n{"email":`, () => resolve());
      });
      socket.destroy();
    }
    await until(() => app.inFlight() === 0);
    const good = { email: 'ada@example.com', password: 'correct horse' };
    expect((await app.ask(post('/v1/echo', good))).status).toBe(200);
  });
});

test('a connection that stays open keeps nothing of its last request', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  const seen: WeakRef<object>[] = [];
  const app = new Koa<Exchange>();
  app.use((ctx) => {
    seen.push(new WeakRef(ctx.req), new WeakRef(ctx.res), new WeakRef(ctx));
    ctx.status = 204;
  });
  const listener = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => listener.close(0));
  const socket = connect(listener.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  const text: string[] = [];
  socket.on('data', (chunk) => text.push(chunk.toString('latin1')));

  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await until(() => text.join('').includes('204') && listener.inFlight() === 0);
  await until(() => {
    collectGarbage();
    return seen.every((ref) => ref.deref() === undefined);
  });
  expect(seen).toHaveLength(3);
  expect(await listener.connections()).toBe(1);
});
