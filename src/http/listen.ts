import { once } from 'node:events';
import { createServer, type Server as HttpServer, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { errorCode } from '../lib/error-code.ts';
import { findBreach, refuseBrokenRequest, refuseRequest } from './kernel/broken-request.ts';
import type { HttpApp } from './kernel/exchange.ts';
import { keepRequestsYoung } from './young-generation.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Sockets open at once; one more is closed unanswered. */
  readonly maxConnections?: number;
  /** Several processes listen on the same port and the kernel spreads connections (SO_REUSEPORT). */
  readonly reusePort?: boolean;
  readonly clock?: Clock;
  /** Milliseconds; see the defaults below. */
  readonly timeouts?: Partial<typeof TIMEOUTS_MS>;
}

export interface Listener {
  readonly port: number;
  /** Requests that are being answered now. */
  inFlight(): number;
  /** Open sockets, idle ones included. */
  connections(): Promise<number>;
  /**
   * Stops accepting, lets every request in flight have its answer, and ends each connection after it.
   * @param deadlineMs after this long, what is left is cut
   */
  close(deadlineMs: number): Promise<void>;
}

/** How long a client may take; a slow one costs a socket and nothing else. */
const TIMEOUTS_MS = {
  /** For the headers to arrive. */
  headersTimeout: 10_000,
  /** For the whole request to arrive: 16 KiB at 550 bytes a second. */
  requestTimeout: 30_000,
  /** How often the two above are looked at. */
  connectionsCheckingInterval: 500,
  /** Above the 60 s of the usual load balancers, so that they close first and never meet a reset. */
  keepAliveTimeout: 65_000,
  /** Silence on a socket: a client that does not read its answer, for one. */
  timeout: 90_000,
};
/** All header lines together, in bytes. */
const MAX_HEADER_BYTES = 16_384;
/** Spreads long-lived connections over new nodes; the last answer says `Connection: close`. */
const MAX_REQUESTS_PER_SOCKET = 10_000;
const DEFAULT_MAX_CONNECTIONS = 10_000;

/**
 * A connection that looks idle may have a request on its way when the shutdown begins. It gets this
 * long to show itself before idle connections are closed under their clients.
 */
const CLOSE_GRACE_MS = 250;
const CLOSE_POLL_MS = 25;
/** Before a shutdown stops accepting; see acceptWaiting. */
const ACCEPT_MS = 100;

/** Serves an application. @throws AppError `config_invalid` where it cannot listen */
export async function listen(app: HttpApp, options: ListenOptions): Promise<Listener> {
  keepRequestsYoung();
  const handle = app.callback();
  const { clock = systemClock } = options;
  // By connection, so that the table changes with those and not with every request: entries that come
  // and go by the thousand make V8 rebuild it all the time, and each old copy keeps what it held alive
  // until the next full collection. An idle connection has an empty entry, and holds no old answer.
  const latest = new Map<Socket, ServerResponse | null>();
  let inFlight = 0;
  let closing: Promise<void> | undefined;

  const timeouts = { ...TIMEOUTS_MS, ...options.timeouts };
  const server = createServer(
    { ...timeouts, maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false },
    (request, response) => {
      const breach = findBreach(request);
      if (breach) {
        refuseRequest(response, breach, clock);
        return;
      }
      const { socket } = request;
      latest.set(socket, response);
      inFlight += 1;
      response.once('close', () => {
        inFlight -= 1;
        // A client may send its next request before this answer, and a closed socket has no entry.
        if (latest.get(socket) === response) latest.set(socket, null);
      });
      if (closing) response.setHeader('Connection', 'close');
      void handle(request, response);
    },
  );
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  server.maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
  server.timeout = timeouts.timeout;
  server.on('connection', (socket) => {
    socket.once('close', () => latest.delete(socket));
  });
  server.on('checkExpectation', (_, response) =>
    refuseRequest(response, 'unknownExpectation', clock),
  );
  server.on('clientError', (error, socket) => refuseBrokenRequest(error, socket, clock));

  server.listen({
    host: options.host,
    port: options.port,
    reusePort: options.reusePort ?? false,
  });
  await once(server, 'listening').catch((error: unknown) => {
    throw cannotListen(error, options);
  });
  const { port } = server.address() as AddressInfo;

  return {
    port,
    inFlight: () => inFlight,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
      }),
    close(deadlineMs) {
      closing ??= closeGracefully(server, latest.values(), deadlineMs);
      return closing;
    },
  };
}

function cannotListen(error: unknown, { host, port }: ListenOptions): AppError {
  const { text, hint } = LISTEN_FAILURES[errorCode(error) ?? ''] ?? {
    text: 'cannot be listened on',
    hint: undefined,
  };
  return new AppError('config_invalid', { text: `${host}:${port} ${text}.`, hint, cause: error });
}

const LISTEN_FAILURES: Partial<Record<string, { text: string; hint: string }>> = {
  EADDRINUSE: {
    text: 'is in use',
    hint: 'stop what listens there, or choose another: AUTHCTL_PORT, AUTHCTL_MANAGEMENT_PORT (0 takes a free one)',
  },
  EACCES: { text: 'may not be listened on', hint: 'choose a port above 1023, or allow this one' },
  EADDRNOTAVAIL: {
    text: 'is no address of this machine',
    hint: 'check --host and --management-host',
  },
  ENOTFOUND: { text: 'is no known host', hint: 'check --host and --management-host' },
};

async function closeGracefully(
  server: HttpServer,
  responses: Iterable<ServerResponse | null>,
  deadlineMs: number,
): Promise<void> {
  const closed = once(server, 'close');
  await acceptWaiting(server, Math.min(ACCEPT_MS, deadlineMs));
  // Not http's own close(), which cuts idle connections in the same instant.
  NetServer.prototype.close.call(server);
  for (const response of responses) {
    if (response && !response.headersSent) response.setHeader('Connection', 'close');
  }

  // After what has arrived was read: on a busy machine that may be more than the timer saw.
  const cutIdle = () => setImmediate(() => server.closeIdleConnections());
  let poll: NodeJS.Timeout | undefined;
  const grace = setTimeout(
    () => {
      cutIdle();
      poll = setInterval(cutIdle, CLOSE_POLL_MS);
    },
    Math.min(CLOSE_GRACE_MS, deadlineMs),
  );
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
  await closed;
  clearTimeout(grace);
  clearTimeout(deadline);
  clearInterval(poll);
}

/**
 * Closing resets the connections that the kernel has taken and nobody has accepted, their requests
 * unread: under load there is a queue of them, as each turn of the event loop accepts one. So it is
 * done once a turn has found none, or soon in any case where they never end.
 */
async function acceptWaiting(server: HttpServer, mostMs: number): Promise<void> {
  let accepted = true;
  const note = () => {
    accepted = true;
  };
  server.on('connection', note);
  const begun = performance.now();
  // The first turn is the one under way, which may have looked for connections before they came.
  while (accepted && performance.now() - begun < mostMs) {
    await nextTurn();
    accepted = false;
    await nextTurn();
  }
  server.off('connection', note);
}
