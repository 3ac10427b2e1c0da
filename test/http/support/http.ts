import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Route } from '../../../src/http/kernel/route.ts';
import { type Listener, type ListenOptions, listen } from '../../../src/http/listen.ts';
import { createHttpApp, type HttpAppOptions } from '../../../src/http/server.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { createLogger } from '../../../src/lib/logger.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; undefined where it is not. A test says what it expects to find in it. */
  // biome-ignore lint/suspicious/noExplicitAny: what comes over the wire has the type the test says
  readonly json: any;
}

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

/** Starts a listener with the given routes on a free port; it ends with the test. */
export async function startApp(
  routes: readonly Route<unknown>[],
  options: Partial<HttpAppOptions<unknown>> & Partial<ListenOptions> = {},
): Promise<Listener & { ask(ask: Ask): Promise<Answer> }> {
  const app = createHttpApp({
    routes,
    services: {},
    authenticate: { bearer: async () => null, operator: async () => null },
    toAppError: () => null,
    observeRequest: () => undefined,
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    guardian: null,
    checkAnswers: true,
    ...options,
  });
  const listener = await listen(app, { host: '127.0.0.1', port: 0, ...options });
  onTestFinished(() => listener.close(1_000));
  return { ...listener, ask: (ask) => send(listener.port, ask) };
}

/** Sends one request on a connection of its own. */
export function send(port: number, ask: Ask): Promise<Answer> {
  const { method = ask.body === undefined ? 'GET' : 'POST', path, headers = {}, body } = ask;
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, text, json: parse(text) });
      });
    });
    request.end(body);
  });
}

/** Posts JSON text, or a value written as JSON. */
export function post(path: string, body: unknown, headers: Record<string, string> = {}): Ask {
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return {
    method: 'POST',
    path,
    body: text,
    headers: { 'content-type': 'application/json', ...headers },
  };
}

/** Sends bytes as they are and returns all that comes back until the server ends the connection. */
export function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
  });
}

/** Waits until a condition holds, and fails where it has not within five seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('the condition never held');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
