import type { IncomingMessage, ServerResponse } from 'node:http';
import { hasContent } from './json-body.ts';

/** A body of this size or less is cheaper to read and drop than a new connection. */
const DRAIN_BYTES = 65_536;
/** What is read and dropped, in bytes and time, so that a client can see why it was refused. */
const LINGER_BYTES = 1_048_576;
const LINGER_MS = 1_000;

/**
 * Whether a refusal leaves a client sending a body that nobody will read, of a size that is unknown
 * or large. Keeping such a connection would mean reading all of it.
 */
export function mustEndEarly(request: IncomingMessage): boolean {
  if (request.complete || !hasContent(request)) return false;
  const length = request.headers['content-length'];
  return length === undefined || Number(length) > DRAIN_BYTES;
}

/**
 * Sends a whole answer and closes the connection in stages (RFC 9112 §9.6). Closing at once would
 * reset the connection, and the client would lose the answer with it.
 *
 * Headers other than `Connection` and `Content-Length` are already set on the response.
 */
export function endEarly(
  request: IncomingMessage,
  response: ServerResponse,
  payload: string,
): void {
  response.setHeader('Connection', 'close');
  response.setHeader('Content-Length', Buffer.byteLength(payload));
  response.write(payload);

  let dropped = 0;
  const end = () => response.end();
  const timer = setTimeout(end, LINGER_MS);
  timer.unref();
  response.once('close', () => clearTimeout(timer));
  request.once('end', end);
  request.on('data', (chunk: Buffer) => {
    dropped += chunk.length;
    if (dropped > LINGER_BYTES) end();
  });
  request.resume();
}
