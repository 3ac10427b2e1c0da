import { once } from 'node:events';
import { connect } from 'node:net';
import { parseTarget } from '../../src/bench/load/target.ts';

/** What differs between two requests on the wire. */
export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** What a client does to get one thing done: the requests in order, each made from the answer before. */
export type Act = Generator<Request, void, Answer>;

const MAX_SECONDS = 10;

/** A POST of JSON. */
export function post(path: string, body: object, headers: Record<string, string> = {}): Request {
  const json = { 'Content-Type': 'application/json', ...headers };
  return { method: 'POST', path, headers: json, body: JSON.stringify(body) };
}

/** A GET with a Bearer token. */
export function get(path: string, token?: string): Request {
  return { method: 'GET', path, headers: token ? { Authorization: `Bearer ${token}` } : {} };
}

/**
 * Opens one kept connection that takes one request at a time. It reads chunked answers, which the
 * product's own load generator refuses: here it is not only the product that answers.
 */
export async function openClient(url: string) {
  const { host, port, authority } = parseTarget(url);
  const socket = connect({ host, port, noDelay: true });
  await once(socket, 'connect');
  let held = '';
  let waiting: PromiseWithResolvers<Answer> | undefined;
  socket.on('data', (chunk) => {
    held += chunk.toString('latin1');
    const answer = readAnswer(held);
    if (answer) held = '';
    if (answer) waiting?.resolve(answer);
  });
  socket.on('close', () => waiting?.reject(new Error(`${url}: the connection ended`)));
  return {
    send({ method, path, headers, body = '' }: Request): Promise<Answer> {
      waiting = Promise.withResolvers();
      const length = method === 'POST' ? { 'Content-Length': Buffer.byteLength(body) } : {};
      const all = Object.entries({ Host: authority, ...headers, ...length });
      const head = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n${body}`);
      return waiting.promise;
    },
    close: () => socket.destroy(),
  };
}

/** Does an act to its end. @returns the last answer, or the first that is no success, and its time */
export async function perform(client: Awaited<ReturnType<typeof openClient>>, act: Act) {
  for (let step = act.next(); ; ) {
    if (step.done) throw new Error('an act without a request');
    const startedAt = performance.now();
    const answer = await client.send(step.value);
    const ms = performance.now() - startedAt;
    if (answer.status < 400) step = act.next(answer);
    if (answer.status >= 400 || step.done) return { answer, ms };
  }
}

/**
 * Has every connection do one act after another, at most ten seconds long.
 * @throws Error where an answer is no success: what is compared is work that was done
 */
export async function load(
  url: string,
  { connections, seconds }: { connections: number; seconds: number },
  act: (connection: number) => Act,
  done?: (connection: number, answer: Answer) => void,
) {
  const clients = await Promise.all(Array.from({ length: connections }, () => openClient(url)));
  const times: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + Math.min(seconds, MAX_SECONDS) * 1_000;
  const work = clients.map(async (client, index) => {
    for (let now = performance.now(); now < endsAt; now = performance.now()) {
      const { answer } = await perform(client, act(index));
      if (answer.status >= 400) throw new Error(`answered ${answer.status}: ${answer.body}`);
      times.push(performance.now() - now);
      done?.(index, answer);
    }
  });
  await Promise.all(work);
  const perSecond = (times.length * 1_000) / (performance.now() - startedAt);
  for (const client of clients) client.close();
  times.sort((a, b) => a - b);
  const quantile = (part: number) => times[Math.floor(times.length * part)] ?? 0;
  return { perSecond, p95: quantile(0.95), p99: quantile(0.99) };
}

/** One whole answer, or nothing yet. With one request at a time, nothing follows an answer. */
function readAnswer(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [head, body] = [text.slice(0, end), text.slice(end + 4)];
  const status = Number(head.slice(9, 12));
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? (status === 204 ? 0 : undefined);
  if (length !== undefined)
    return body.length >= Number(length) ? { status, head, body } : undefined;
  // The sizes of chunks go; JSON has no line ends of this kind of its own.
  const joined = body.replaceAll(/(^|\r\n)[\da-f]+\r\n/gi, '');
  return body.endsWith('0\r\n\r\n') ? { status, head, body: joined } : undefined;
}
