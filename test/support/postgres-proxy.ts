import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

const SOCKET = '.s.PGSQL.5432';
/** ReadyForQuery, idle: the statement's outcome is decided, and committed where there was no error. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

export interface PostgresProxy {
  readonly connectionString: string;
  /** Answers that were lost so far. */
  lost(): number;
  /** Loses the server's answer to the next `times` runs of a named statement, once it is committed. */
  loseAnswers(statementName: string, times: number): void;
  /** Ends all connections and refuses new ones, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Lets everything hang, connections and all, until `thaw`: then the server speaks first. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
}

/** A line to PostgreSQL that can be cut at the worst moment: after the commit, before its answer. */
export async function startPostgresProxy(connectionString: string): Promise<PostgresProxy> {
  const [base, query] = connectionString.split('?');
  const target = join(new URLSearchParams(query).get('host') ?? '', SOCKET);
  const folder = await mkdtemp('/tmp/authctl-proxy-');
  const sockets = new Set<Socket>();
  let statement: Buffer | undefined;
  let left = 0;
  let lost = 0;
  let isFrozen = false;

  const server = createServer((client) => {
    const upstream = createConnection(target);
    let isDoomed = false;
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (chunk) => {
      if (left > 0 && statement && chunk.includes(statement)) {
        left -= 1;
        isDoomed = true;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!isDoomed) {
        client.write(chunk);
        return;
      }
      if (!chunk.subarray(-READY.length).equals(READY)) return;
      lost += 1;
      cut();
    });
    for (const socket of [upstream, client]) {
      sockets.add(socket);
      if (isFrozen) socket.pause();
      socket.on('error', cut).on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
  });
  async function up(): Promise<void> {
    server.listen(join(folder, SOCKET));
    await once(server, 'listening');
  }

  async function down(): Promise<void> {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  await up();
  return {
    connectionString: `${base}?host=${encodeURIComponent(folder)}`,
    lost: () => lost,
    loseAnswers(name, times) {
      statement = Buffer.from(`${name}\0`);
      left = times;
    },
    up,
    down,
    freeze() {
      isFrozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      isFrozen = false;
      for (const socket of sockets) socket.resume();
    },
    async close() {
      if (server.listening) await down();
      await rm(folder, { recursive: true });
    },
  };
}
