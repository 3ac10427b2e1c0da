import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { forkLoad } from '../../../src/bench/load/fork-load.ts';
import { runLoad } from '../../../src/bench/load/generator.ts';
import type { LoadPlan, LoadResult } from '../../../src/bench/load/plan.ts';
import { AppError } from '../../../src/errors.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(handler: Handler): Promise<string> {
  const server: Server = createServer((request, response) => void handler(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serveTcp(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(response: ServerResponse, status: number, body = '{}'): void {
  response.writeHead(status, { 'Content-Length': Buffer.byteLength(body) }).end(body);
}

const get = { kind: 'static', method: 'GET', path: '/' } as const;

function plan(url: string, overrides: Partial<LoadPlan> = {}): LoadPlan {
  return { url, scenario: get, connections: 8, durationMs: 60_000, ...overrides };
}

const total = (numbers: Readonly<Record<string, number>>) =>
  Object.values(numbers).reduce((a, b) => a + b, 0);

/** Every request sent has exactly one fate. */
function expectNothingLost(result: LoadResult): void {
  const { reset, timeout, malformed } = result.errors;
  expect(total(result.statuses) + reset + timeout + malformed).toBe(result.sent);
}

describe('load generator, closed loop', () => {
  it('counts exactly the requests the server counts, none lost, none twice', async () => {
    let served = 0;
    const url = await serve((_, response) => {
      served += 1;
      answer(response, served % 10 === 0 ? 409 : 201);
    });
    const result = await runLoad(plan(url, { maxRequests: 5_000, connections: 32 }));
    expect(served).toBe(5_000);
    expect(result.sent).toBe(5_000);
    expect(result.statuses).toEqual({ '201': 4_500, '409': 500 });
    expect(result.errors).toEqual({ connect: 0, reset: 0, timeout: 0, malformed: 0 });
    expect(result.latency['201']!.count).toBe(4_500);
    expect(result.mode).toBe('closed loop');
    expectNothingLost(result);
  });

  it('never has more requests in flight than connections', async () => {
    const inFlight: ServerResponse[] = [];
    let most = 0;
    const url = await serve((_, response) => {
      inFlight.push(response);
      most = Math.max(most, inFlight.length);
      if (inFlight.length < 5) return;
      for (const held of inFlight.splice(0)) answer(held, 200);
    });
    await runLoad(plan(url, { connections: 5, maxRequests: 500 }));
    expect(most).toBe(5);
  });

  it('stops by itself when its time is over, and reports the seconds that were whole', async () => {
    const url = await serve((_, response) => answer(response, 200));
    const seconds: number[] = [];
    const result = await runLoad(plan(url, { durationMs: 1_200, connections: 2 }), {
      onSecond: ({ second }) => seconds.push(second),
    });
    expect(seconds).toEqual([0]);
    expect(result.seconds).toHaveLength(1);
    expect(result.measuredSeconds).toBe(1.2);
    expectNothingLost(result);
  });

  it('leaves the warm-up out of throughput and latency, not out of the counts', async () => {
    const url = await serve((_, response) => answer(response, 200));
    const result = await runLoad(plan(url, { durationMs: 300, warmupMs: 150 }));
    expect(result.measuredSeconds).toBeCloseTo(0.15);
    expect(result.measuredResponses).toBeLessThan(total(result.statuses));
    expect(result.latency['200']!.count).toBeLessThan(total(result.statuses));
    expectNothingLost(result);
  });

  it('stops sending when told to, and still awaits the answers', async () => {
    const controller = new AbortController();
    const url = await serve((_, response) => {
      controller.abort();
      setImmediate(answer, response, 200);
    });
    const result = await runLoad(plan(url), { signal: controller.signal });
    expect(result.sent).toBeLessThanOrEqual(16);
    expectNothingLost(result);
  });

  it('survives connections that are reset mid-request, and says how many', async () => {
    let served = 0;
    const url = await serve((request, response) => {
      served += 1;
      if (served % 7 === 0) request.socket.resetAndDestroy();
      else answer(response, 200);
    });
    const result = await runLoad(plan(url, { maxRequests: 300 }));
    expect(served).toBe(300);
    expect(result.errors.reset).toBe(Math.floor(300 / 7));
    expectNothingLost(result);
  });

  it('opens a connection again after the server closed it politely', async () => {
    const url = await serve((_, response) => {
      response.setHeader('Connection', 'close');
      answer(response, 200);
    });
    const result = await runLoad(plan(url, { maxRequests: 100 }));
    expect(result.statuses).toEqual({ '200': 100 });
    expect(total({ ...result.errors })).toBe(0);
  });

  it('gives up on a server that never answers', async () => {
    const url = await serveTcp(() => {});
    const result = await runLoad(
      plan(url, { connections: 3, maxRequests: 6, timeoutMs: 50, durationMs: 5_000 }),
    );
    expect(result.errors.timeout).toBe(6);
    expectNothingLost(result);
  });

  it('does not take the late answer to a request it gave up on for the next one', async () => {
    let served = 0;
    const url = await serve((_, response) => {
      served += 1;
      if (served === 1) setTimeout(answer, 300, response, 500);
      else answer(response, 200);
    });
    const result = await runLoad(plan(url, { connections: 1, timeoutMs: 60, durationMs: 800 }));
    expect(result.errors.timeout).toBe(1);
    expect(Object.keys(result.statuses)).toEqual(['200']);
    expectNothingLost(result);
  });

  it('calls an answer that is not HTTP malformed', async () => {
    const url = await serveTcp((socket) =>
      socket.on('data', () => socket.write('nonsense\r\n\r\n')),
    );
    const result = await runLoad(plan(url, { connections: 2, maxRequests: 4 }));
    expect(result.errors.malformed).toBe(4);
    expectNothingLost(result);
  });

  it('reports a server that is not there as connect errors, and ends', async () => {
    const result = await runLoad(plan('http://127.0.0.1:1', { durationMs: 200, connections: 2 }));
    expect(result.sent).toBe(0);
    expect(result.errors.connect).toBeGreaterThan(0);
  });

  it.each([
    ['for as long as it is asked to', 60_000, '30'],
    ['for as long as it is willing to', 5_000, '3600'],
  ])('rests after a refusal %s', async (_name, mostRestMs, retryAfter) => {
    let served = 0;
    const url = await serve((_, response) => {
      served += 1;
      answer(response.setHeader('Retry-After', retryAfter), 503);
    });
    await runLoad(plan(url, { connections: 4, durationMs: 300, mostRestMs }));
    expect(served).toBe(4);
  });

  it('asks again at once where it is not willing to rest', async () => {
    const url = await serve((_, response) => answer(response.setHeader('Retry-After', '30'), 503));
    const result = await runLoad(plan(url, { connections: 1, maxRequests: 50 }));
    expect(result.statuses).toEqual({ '503': 50 });
  });

  it.each([
    'http://192.0.2.1:8080',
    'http://example.com',
    'http://0.0.0.0:80',
    'http://127.0.0.1.example.com',
    'https://127.0.0.1',
    'http://[2001:db8::1]:80',
    'not a url',
  ])('refuses to load %s', async (url) => {
    const refusal = await runLoad(plan(url)).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AppError);
    expect(refusal).toMatchObject({ code: 'usage' });
    await expect(forkLoad(plan(url))).rejects.toMatchObject({ code: 'usage' });
  });

  it.each([
    { connections: 0 },
    { durationMs: 0 },
    { durationMs: Number.POSITIVE_INFINITY },
    { connections: 1_000_000 },
    { maxRequests: 0 },
    { ratePerSecond: 0 },
    { timeoutMs: Number.NaN },
  ])('refuses a plan without sensible bounds: %j', async (overrides) => {
    await expect(runLoad(plan('http://127.0.0.1:1', overrides))).rejects.toMatchObject({
      code: 'usage',
    });
  });
});

describe('load generator, open loop', () => {
  it('sends every request that is due, however fast the answers come', async () => {
    let served = 0;
    const url = await serve((_, response) => {
      served += 1;
      answer(response, 200);
    });
    const result = await runLoad(plan(url, { ratePerSecond: 500, durationMs: 1_000 }));
    expect(result.mode).toBe('open loop');
    expect(result.sent + result.unsent).toBe(500);
    expect(served).toBe(result.sent);
    expectNothingLost(result);
  });

  it('does not hide what a stalled server owes: late requests count from when they were due', async () => {
    const stalled = Promise.withResolvers<void>();
    let served = 0;
    const url = await serve(async (_, response) => {
      served += 1;
      if (served === 1) setTimeout(stalled.resolve, 300);
      await stalled.promise;
      answer(response, 200);
    });
    const result = await runLoad(
      plan(url, { connections: 1, ratePerSecond: 100, durationMs: 600, maxRequests: 60 }),
    );
    expect(result.sent + result.unsent).toBe(60);
    // One connection was stalled while some 30 requests became due; each of them waited.
    const waited = result.latency['200']!.buckets.filter(([bucket]) => bucket > 1_000).reduce(
      (sum, [, count]) => sum + count,
      0,
    );
    expect(waited).toBeGreaterThan(1);
  });

  it('reports arrivals that found no connection before the end', async () => {
    const url = await serveTcp(() => {});
    const result = await runLoad(
      plan(url, { connections: 2, ratePerSecond: 100, durationMs: 200, timeoutMs: 400 }),
    );
    expect(result.sent).toBe(2);
    expect(result.unsent).toBe(18);
    expect(result.errors.timeout).toBe(2);
  });
});

describe('load scenarios', () => {
  const password = 'long enough for anyone';

  it('registration: every address is new, repeated ones were acknowledged before', async () => {
    const seen = new Set<string>();
    const url = await serve(async (request, response) => {
      const { email } = JSON.parse(await text(request)) as { email: string };
      answer(response, seen.has(email) ? 409 : 201);
      seen.add(email);
    });
    const folder = await mkdtemp(join(tmpdir(), 'bench-journal-'));
    closers.push(() => rm(folder, { recursive: true }));
    const journal = join(folder, 'acknowledged');
    const result = await runLoad(
      plan(url, {
        maxRequests: 2_000,
        scenario: {
          kind: 'registration',
          domain: 'bench.example',
          runId: 'r1',
          password,
          duplicates: 0.1,
          journal,
        },
      }),
    );
    const { unique, repeated } = result.counters;
    expect(unique! + repeated!).toBe(2_000);
    expect(repeated).toBeGreaterThan(150);
    expect(result.statuses).toEqual({ '201': unique, '409': repeated });
    const lines = (await readFile(journal, 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(seen.size);
    expect(new Set(lines)).toEqual(seen);
  });

  it('refresh: each connection follows its own chain, and keeps its token when the answer is lost', async () => {
    let served = 0;
    const current = new Map<string, number>();
    const url = await serve(async (request, response) => {
      const { refresh_token } = JSON.parse(await text(request)) as { refresh_token: string };
      const [session, counter] = refresh_token.split('.') as [string, string];
      const expected = current.get(session) ?? 0;
      served += 1;
      if (served === 20) return void request.socket.resetAndDestroy();
      if (Number(counter) !== expected) return answer(response, 401);
      current.set(session, expected + 1);
      const refreshed = `${session}.${expected + 1}`;
      answer(response, 200, `{"tokens":{"access_token":"a","refresh_token":"${refreshed}"}}`);
    });
    const result = await runLoad(
      plan(url, {
        connections: 3,
        maxRequests: 90,
        scenario: { kind: 'refresh', tokens: ['x.0', 'y.0', 'z.0'] },
      }),
    );
    expect(result.statuses).toEqual({ '200': 89 });
    expect(result.counters).toEqual({ broken_chains: 0 });
    expect(current.size).toBe(3);
  });

  it('refresh: ends early when every chain is broken', async () => {
    const url = await serve((_, response) => answer(response, 401));
    const result = await runLoad(
      plan(url, { connections: 2, scenario: { kind: 'refresh', tokens: ['a', 'b'] } }),
    );
    expect(result.statuses).toEqual({ '401': 2 });
    expect(result.counters).toEqual({ broken_chains: 2 });
  });

  it('me: uses every token once where asked to, then stops', async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization!);
      answer(response, 200);
    });
    const tokens = Array.from({ length: 50 }, (_, i) => `t${i}`);
    const result = await runLoad(plan(url, { scenario: { kind: 'me', tokens, once: true } }));
    expect(result.sent).toBe(50);
    expect(new Set(seen)).toEqual(new Set(tokens.map((token) => `Bearer ${token}`)));
    expect(seen).toHaveLength(50);
  });

  it('posts: sends every body once, in order, and keeps what the answers say', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'load-'));
    closers.push(() => rm(folder, { recursive: true }));
    const journal = join(folder, 'tokens');
    const seen: string[] = [];
    const url = await serve(async (request, response) => {
      const body = await text(request);
      seen.push(`${request.url} ${body}`);
      if (body === '{"n":2}') return answer(response, 503);
      answer(response, 202, `{"flow_token":"of ${seen.length}"}`);
    });
    const bodies = [1, 2, 3].map((n) => `{"n":${n}}`);
    const scenario = {
      kind: 'posts',
      path: '/v1/password/forgot',
      bodies,
      kept: { field: 'flow_token', journal },
    } as const;
    const result = await runLoad(plan(url, { connections: 1, scenario }));
    expect(result.statuses).toEqual({ '202': 2, '503': 1 });
    expect(seen).toEqual(bodies.map((body) => `/v1/password/forgot ${body}`));
    expect(await readFile(journal, 'utf8')).toBe('0 of 1\n2 of 3\n');
  });

  it('flow: registers, logs in and reads the profile of one user after the other', async () => {
    const registered = new Set<string>();
    const url = await serve(async (request, response) => {
      if (request.method === 'GET') return answer(response, 200);
      const { email } = JSON.parse(await text(request)) as { email: string };
      if (request.url === '/v1/register') registered.add(email);
      if (request.url === '/v1/register') return answer(response, 201);
      const known = registered.has(email);
      answer(response, known ? 200 : 401, '{"tokens":{"access_token":"abc"}}');
    });
    const result = await runLoad(
      plan(url, {
        connections: 1,
        maxRequests: 120,
        scenario: { kind: 'flow', domain: 'bench.example', runId: 'f', password },
      }),
    );
    expect(result.statuses).toEqual({ '200': 80, '201': 40 });
    expect(result.counters).toEqual({ registered: 40, logged_in: 40, profiles_read: 40 });
  });

  it.each([
    { kind: 'login', emails: [], password },
    { kind: 'me', tokens: [] },
    { kind: 'refresh', tokens: [] },
    { kind: 'posts', path: '/', bodies: [] },
  ] as const)('refuses a $kind load without anything to send', async (scenario) => {
    await expect(runLoad(plan('http://127.0.0.1:1', { scenario }))).rejects.toMatchObject({
      code: 'usage',
    });
  });
});

describe('load generator in its own process', () => {
  it('counts the same as the server and passes the seconds on', async () => {
    let served = 0;
    const url = await serve((_, response) => {
      served += 1;
      answer(response, 200);
    });
    const seconds: number[] = [];
    const result = await forkLoad(plan(url, { durationMs: 1_100, connections: 4 }), {
      onSecond: ({ second }) => seconds.push(second),
    });
    expect(total(result.statuses)).toBe(served);
    expect(seconds).toEqual([0]);
  });

  it('passes a refusal of the scenario on as it was', async () => {
    await expect(
      forkLoad(plan('http://127.0.0.1:1', { scenario: { kind: 'me', tokens: [] } })),
    ).rejects.toMatchObject({ code: 'usage' });
  });

  it('ends at once on abort', async () => {
    const controller = new AbortController();
    const url = await serve((_, response) => {
      controller.abort();
      answer(response, 200);
    });
    await expect(forkLoad(plan(url), { signal: controller.signal })).rejects.toThrow('abort');
  });

  it('dies with its parent instead of sending on', async () => {
    const url = await serve((_, response) => answer(response, 200));
    const child = fork(new URL('../../../src/bench/load/generator-process.ts', import.meta.url), {
      serialization: 'advanced',
      execArgv: [],
    });
    const first = once(child, 'message');
    child.send({ input: plan(url) });
    await first;
    child.disconnect();
    await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
  });
});
