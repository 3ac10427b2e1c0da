import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { listenOnFreePort } from './listen-on-free-port.ts';

const SOCKET = '.s.PGSQL.5432';
/** ReadyForQuery, idle: the statement's outcome is decided, and committed where there was no error. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** What goes from the program to PostgreSQL, and what comes back. */
export type Direction = 'requests' | 'answers';
const BOTH: readonly Direction[] = ['requests', 'answers'];

export interface PostgresProxy {
  readonly connectionString: string;
  /** Answers that were lost so far. */
  lost(): number;
  /** Loses the server's answer to the next `times` runs of a named statement, once it is committed. */
  loseAnswers(statementName: string, times: number): void;
  /** Ends all connections and refuses new ones, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /**
   * Lets nothing through that way, the end of a connection included, until `thaw`. What was sent meanwhile
   * then arrives, as after a while of lost packets.
   */
  hold(direction: Direction): void;
  /** Lets everything hang, connections and all, until `thaw`: then the server speaks first. */
  freeze(): void;
  thaw(): void;
  /** Lets everything arrive so much later, each way. */
  delay(milliseconds: number): void;
  /** Ends all connections as somebody in between does who has forgotten them. */
  reset(): void;
  close(): Promise<void>;
}

/** A TCP line to PostgreSQL that can be cut at the worst moment (after the commit, before its answer), or be bad. */
export async function startPostgresProxy(connectionString: string): Promise<PostgresProxy> {
  const [base = '', query] = connectionString.split('?');
  const target = join(new URLSearchParams(query).get('host') ?? '', SOCKET);
  /** Every connection's two ends, by what is read from them. */
  const ends = { requests: new Set<Socket>(), answers: new Set<Socket>() };
  const held = new Set<Direction>();
  let statement: Buffer | undefined;
  let left = 0;
  let lost = 0;
  let delayMs = 0;

  const server = createServer((client) => {
    const upstream = createConnection(target);
    const toServer = createPipe(upstream, () => delayMs);
    const toClient = createPipe(client, () => delayMs);
    let isDoomed = false;
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    client.setNoDelay(true).on('data', (chunk) => {
      if (left > 0 && statement && chunk.includes(statement)) {
        left -= 1;
        isDoomed = true;
      }
      toServer(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!isDoomed) {
        toClient(chunk);
        return;
      }
      if (!chunk.subarray(-READY.length).equals(READY)) return;
      lost += 1;
      cut();
    });
    for (const [direction, socket] of [
      ['requests', client],
      ['answers', upstream],
    ] as const) {
      ends[direction].add(socket);
      if (held.has(direction)) socket.pause();
      socket.on('error', cut).on('close', () => {
        ends[direction].delete(socket);
        cut();
      });
    }
  });
  const port = await listenOnFreePort(server);

  function hold(...directions: readonly Direction[]): void {
    for (const direction of directions) {
      held.add(direction);
      for (const socket of ends[direction]) socket.pause();
    }
  }

  async function down(): Promise<void> {
    const closed = once(server, 'close');
    server.close();
    for (const direction of BOTH) for (const socket of ends[direction]) socket.destroy();
    await closed;
  }

  return {
    connectionString: base.replace('@/', `@127.0.0.1:${port}/`),
    lost: () => lost,
    loseAnswers(name, times) {
      statement = Buffer.from(`${name}\0`);
      left = times;
    },
    async up() {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    down,
    hold,
    freeze: () => hold(...BOTH),
    thaw() {
      held.clear();
      for (const direction of BOTH) for (const socket of ends[direction]) socket.resume();
    },
    delay(milliseconds) {
      delayMs = milliseconds;
    },
    reset() {
      for (const client of ends.requests) client.resetAndDestroy();
    },
    async close() {
      if (server.listening) await down();
    },
  };
}

/** Writes to a socket after a delay, in order also where the delay has just changed. */
function createPipe(to: Socket, delayMs: () => number): (chunk: Buffer) => void {
  const underWay: Buffer[] = [];
  return (chunk) => {
    if (delayMs() === 0 && underWay.length === 0) {
      to.write(chunk);
      return;
    }
    underWay.push(chunk);
    setTimeout(() => {
      const next = underWay.shift();
      if (next && to.writable) to.write(next);
    }, delayMs());
  };
}
