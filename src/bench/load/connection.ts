import { connect, type Socket } from 'node:net';
import type { LoadErrors } from './plan.ts';
import { type Answer, createResponseParser } from './response-parser.ts';
import type { Target } from './target.ts';

/** Enough for any answer of the appliance in one read. */
const READ_BUFFER_BYTES = 16_384;
const FIRST_BACKOFF_MS = 5;
const MAX_BACKOFF_MS = 250;

/** Tells the generator what became of a connection and its requests. */
export interface ConnectionEvents {
  /** Connected, first time or again: a request may be sent. */
  onReady(): void;
  /** The answer to the request in flight. The connection is ready again when this returns. */
  onResponse(answer: Answer): void;
  /** A request in flight got no usable answer, or (`connect`) none could be sent. */
  onError(kind: keyof LoadErrors): void;
}

/** One keep-alive connection with at most one request in flight; opens itself again until closed. */
export interface Connection {
  readonly busy: boolean;
  readonly ready: boolean;
  send(request: string): void;
  /** Gives up on the request in flight and replaces the connection. */
  timeOut(): void;
  close(): void;
}

export function openConnection(
  target: Target,
  wantsBody: boolean,
  events: ConnectionEvents,
): Connection {
  let socket: Socket | undefined;
  let closed = false;
  let connected = false;
  let busy = false;
  let backoffMs = FIRST_BACKOFF_MS;
  let retry: NodeJS.Timeout | undefined;

  const buffer = Buffer.allocUnsafe(READ_BUFFER_BYTES);

  function received(from: Socket, answer: Answer): void {
    if (from !== socket || !busy) return;
    busy = false;
    backoffMs = FIRST_BACKOFF_MS;
    if (!answer.keepAlive) connected = false;
    events.onResponse(answer);
    if (!answer.keepAlive && !closed) replace(from, 0);
  }

  /** Drops the socket; a request in flight becomes an error of this kind. */
  function fail(from: Socket, kind: keyof LoadErrors): void {
    if (from !== socket) return;
    const wasConnected = connected;
    const wasBusy = busy;
    busy = false;
    replace(from, backoffMs);
    backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    if (wasBusy) events.onError(kind);
    else if (!wasConnected) events.onError('connect');
  }

  function replace(from: Socket, afterMs: number): void {
    connected = false;
    socket = undefined;
    from.destroy();
    if (!closed) retry = setTimeout(open, afterMs);
  }

  function open(): void {
    const opened: Socket = connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      // Reads land in one buffer of ours: no allocation and no stream machinery per answer.
      onread: {
        buffer,
        callback: (bytes) => {
          if (busy && !parser.push(buffer.subarray(0, bytes))) fail(opened, 'malformed');
          return true;
        },
      },
    });
    const parser = createResponseParser(wantsBody, (answer) => received(opened, answer));
    socket = opened;
    opened.on('connect', () => {
      connected = true;
      events.onReady();
    });
    opened.on('error', () => fail(opened, 'reset'));
    opened.on('close', () => fail(opened, 'reset'));
  }

  open();
  return {
    get busy() {
      return busy;
    },
    get ready() {
      return connected && !busy;
    },
    send(request) {
      busy = true;
      socket?.write(request, 'latin1');
    },
    timeOut() {
      if (socket && busy) fail(socket, 'timeout');
    },
    close() {
      closed = true;
      clearTimeout(retry);
      socket?.destroy();
      socket = undefined;
    },
  };
}
