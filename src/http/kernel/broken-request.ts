import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { uuidv7 } from '../../crypto/random.ts';
import type { Clock } from '../../lib/clock.ts';
import { PROBLEM_MEDIA_TYPE } from './problem.ts';

/** What is refused below the API, and what its sender is told. */
const REFUSALS = {
  notHttp: { status: 400, detail: 'This is not an HTTP request.' },
  hostMissing: { status: 400, detail: 'An HTTP/1.1 request needs a Host header.' },
  headerRepeated: {
    status: 400,
    detail: 'Host, Authorization and Content-Type may appear once in a request.',
  },
  tooSlow: { status: 408, detail: 'The request took too long to arrive.' },
  unknownExpectation: { status: 417, detail: 'The only expectation known here is 100-continue.' },
  headersTooLarge: { status: 431, detail: 'The header fields are larger than 16 KiB.' },
} as const;

type Refusal = keyof typeof REFUSALS;

/** What Node's parser can say about bytes that are not a request, by its error's code. */
const REFUSAL_OF: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: 'headersTooLarge',
  ERR_HTTP_REQUEST_TIMEOUT: 'tooSlow',
};

const LINGER_MS = 1_000;

/**
 * Fields of which a proxy before us may have read the last where Node keeps the first: each would
 * have seen another request (RFC 9112 §3.2 for Host; RFC 9110 §5.3).
 */
const SINGULAR = ['host', 'authorization', 'content-type'];

/**
 * What makes a request that Node's parser let pass no request of ours; null where nothing does.
 * Node would refuse a missing Host, too, but without a word.
 */
export function findBreach(request: IncomingMessage): Refusal | null {
  if (request.headers.host === undefined && request.httpVersion !== '1.0') return 'hostMissing';
  return SINGULAR.some((name) => isRepeated(request.rawHeaders, name)) ? 'headerRepeated' : null;
}

/** @param rawHeaders names and values in turns, as they were sent */
function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const sent = rawHeaders[at]!;
    // Compared by length first: this runs for every header of every request.
    if (sent.length === name.length && sent.toLowerCase() === name) count += 1;
  }
  return count > 1;
}

/**
 * Answers bytes that are no HTTP request, a header that is too large and a client that is too slow,
 * and ends the connection: after an error of framing nobody knows where the next request would
 * begin. The parser of a request that was too slow goes on, and so may its sender: a second is long
 * enough to read why, and then the socket is gone.
 */
export function refuseBrokenRequest(
  error: Error & { code?: string },
  socket: Duplex,
  clock: Clock,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, headers, payload } = describe(REFUSAL_OF[error.code ?? ''] ?? 'notHttp', clock);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines].join('\r\n');
  socket.end(`${head}\r\n\r\n${payload}`);
  const cut = setTimeout(() => socket.destroy(), LINGER_MS);
  cut.unref();
  socket.once('close', () => clearTimeout(cut));
}

/** Answers a request that Node itself would refuse, with nothing but a status. */
export function refuseRequest(response: ServerResponse, refusal: Refusal, clock: Clock): void {
  const { status, headers, payload } = describe(refusal, clock);
  response.writeHead(status, headers).end(payload);
}

/** The fault lies below the API, so the problem has no code of ours (RFC 9457 §4.2.1, `about:blank`). */
function describe(refusal: Refusal, clock: Clock) {
  const { status, detail } = REFUSALS[refusal];
  const instance = uuidv7(clock.now().getTime());
  const title = STATUS_CODES[status];
  const payload = JSON.stringify({ type: 'about:blank', title, status, detail, instance });
  const headers = {
    Connection: 'close',
    'Content-Type': PROBLEM_MEDIA_TYPE,
    'Content-Length': String(payload.length),
    'X-Request-Id': instance,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  };
  return { status, headers, payload };
}
