import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { uuidv7 } from '../../crypto/random.ts';
import type { Clock } from '../../lib/clock.ts';
import { PROBLEM_MEDIA_TYPE } from './problem.ts';

/** What Node's parser can say about bytes that are not a request, by its error's code. */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

const LINGER_MS = 1_000;

/**
 * Answers bytes that are no HTTP request, a header that is too large and a client that is too slow,
 * and ends the connection: after an error of framing nobody knows where the next request would
 * begin. The fault lies below the API, so the problem has no code of ours (RFC 9457 §4.2.1,
 * `about:blank`). The parser of a request that was too slow goes on, and so may its sender: a second
 * is long enough to read why, and then the socket is gone.
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
  const status = STATUS_OF[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? 'Bad Request';
  const requestId = uuidv7(clock.now().getTime());
  const payload = JSON.stringify({ type: 'about:blank', title, status, instance: requestId });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'Connection: close',
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${payload.length}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${payload}`);
  const cut = setTimeout(() => socket.destroy(), LINGER_MS);
  cut.unref();
  socket.once('close', () => clearTimeout(cut));
}
