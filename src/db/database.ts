import { Client, type ClientBase, Pool, type QueryResultRow } from 'pg';
import { createGate } from '../lib/gate.ts';
import type { Logger } from '../lib/logger.ts';
import { isConnectionError } from './errors.ts';
import type { PrismaClient } from './generated/client.ts';
import { watchLastPatience } from './last-patience.ts';
import { createSockets } from './sockets.ts';

/** A hand-written statement; `name` makes PostgreSQL parse and plan it once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** Names a statement. Names are unique per text: a changed text needs a changed name. */
export function statement(name: string, text: string): Statement {
  return { name, text };
}

/** Where statements run: the pool, or one transaction. */
export interface Queryable {
  /** Runs a statement and returns its rows. */
  query<Row extends QueryResultRow>(what: Statement, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs a statement and returns how many rows it touched: the outcome of a conditional change. */
  execute(what: Statement, values?: readonly unknown[]): Promise<number>;
}

export interface Db extends Queryable {
  /** Runs `work` in one transaction; a throw rolls back. No hashing, network or mail inside. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** The typed client of the management side, loaded at first use (it costs memory and start-up time). */
  prisma(): Promise<PrismaClient>;
  /**
   * Calls `onNotify` for each notification on a channel and after every reconnect, until closed.
   * Notifications are hints: a listener must also poll, for one sent while it was reconnecting.
   */
  listen(channel: string, onNotify: () => void): { close(): Promise<void> };
  /** Connections: open, idle, and requests waiting for one. */
  stats(): { total: number; idle: number; waiting: number };
  close(): Promise<void>;
}

export interface DbOptions {
  readonly connectionString: string;
  /** Connections at most. */
  readonly poolSize: number;
  readonly log: Logger;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Called when the server cannot be reached, so that an embedded one can be started again. */
  readonly onUnreachable?: (() => void) | undefined;
  /** A statement is cancelled by the server after this long. */
  readonly statementTimeoutMs?: number;
  /** Aborts when the process is to end: it does not wait long for a server that is out of reach. */
  readonly ending?: AbortSignal;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Connections that transactions leave to single statements. */
const KEPT_FREE = 2;
const STATEMENT_TIMEOUT_MS = 10_000;
/** A server that hangs cancels nothing; this much later its connection is given up. */
const HUNG_AFTER_MS = 2_000;
const LISTEN_RETRY_MS = 1_000;
/** A silent connection is asked for a sign of life after this long, once a second; without ten it is gone. */
const KEEP_ALIVE_MS = 10_000;
/**
 * The same on the server's side, in seconds. By default it is two hours until it gives up a node that
 * vanished (power cut, lost network), which may have come back for other connections long before.
 */
const SERVER_KEEP_ALIVE =
  '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4 ' +
  // Of an answer that nobody confirms, in milliseconds; keep-alive does not begin while one is under way.
  '-c tcp_user_timeout=30000';

const KEEP_ALIVE = {
  keepAlive: true,
  keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  options: SERVER_KEEP_ALIVE,
};

/** Opens the pool. Nothing connects until the first statement. */
export function openDatabase(options: DbOptions): Db {
  const { log, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const sockets = createSockets();
  const pool = new Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.poolSize,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: 60_000,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + HUNG_AFTER_MS,
    lock_timeout: 5_000,
    idle_in_transaction_session_timeout: 15_000,
    ...KEEP_ALIVE,
    stream: sockets.open,
  });
  // An idle connection that breaks is only dropped; the next statement opens another. After the close
  // none is needed: a server that stops just then may still have said so on a connection we left.
  pool.on('error', (error) => {
    if (isClosed) return;
    log.warn({ err: error }, 'idle database connection lost');
    options.onUnreachable?.();
  });

  // A transaction that waits for a row keeps its connection, and whoever holds the row may need another
  // for a plain read (keys). Some connections are therefore never a transaction's.
  const gate = createGate(Math.max(1, options.poolSize - KEPT_FREE), CONNECT_TIMEOUT_MS);
  let prisma: Promise<PrismaClient> | undefined;
  let isClosed = false;
  const { ending = new AbortController().signal } = options;
  const endWatch = watchLastPatience(sockets, ending, (reason) => {
    isClosed = true;
    log.warn({ err: reason }, 'database given up');
    sockets.cut(reason);
  });

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isConnectionError(error) && !isClosed) options.onUnreachable?.();
      throw error;
    }
  }

  const onPool = queryable(pool);
  return {
    query: (what, values) => guard(() => onPool.query(what, values)),
    execute: (what, values) => guard(() => onPool.execute(what, values)),
    transaction: (work) => guard(() => gate.run(() => inTransaction(pool, work))),
    prisma() {
      prisma ??= loadPrisma(pool);
      return prisma;
    },
    listen: (channel, onNotify) => listen(options, channel, onNotify),
    stats: () => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    async close() {
      isClosed = true;
      await (await prisma)?.$disconnect();
      await pool.end();
      await sockets.leave();
      endWatch();
    },
  };
}

/** Runs statements on a pool or a connection of `pg`. */
export function queryable(on: Pool | ClientBase): Queryable {
  return {
    async query<Row extends QueryResultRow>(what: Statement, values: readonly unknown[] = []) {
      const result = await on.query<Row>({ name: what.name, text: what.text, values: [...values] });
      return result.rows;
    },
    async execute(what, values = []) {
      const result = await on.query({ name: what.name, text: what.text, values: [...values] });
      return result.rowCount ?? 0;
    },
  };
}

async function inTransaction<T>(pool: Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | boolean = false;
  // A connection that breaks between two statements says so in an event; unheard, it ends the process.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await work(queryable(client));
    await client.query('COMMIT');
    return result;
  } catch (error) {
    if (isConnectionError(error)) {
      // A ROLLBACK would wait behind a statement that got no answer, as long again; the server rolls back when
      // the connection ends. One that has become read-only would stay so: the next may lead to another server.
      broken = true;
      throw error;
    }
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      // The connection itself is gone: the server rolls back, and the pool must not reuse it.
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.removeListener('error', onError);
    client.release(broken);
  }
}

async function loadPrisma(pool: Pool): Promise<PrismaClient> {
  const { PrismaPg } = await import('@prisma/adapter-pg');
  const { PrismaClient } = await import('./generated/client.ts');
  return new PrismaClient({ adapter: new PrismaPg(pool) });
}

/** A connection of its own, because LISTEN belongs to a session and the pool hands sessions around. */
function listen(options: DbOptions, channel: string, onNotify: () => void) {
  const sockets = createSockets();
  let closed = false;
  let client: Client | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    if (closed) return;
    client = new Client({
      connectionString: options.connectionString,
      application_name: `${options.applicationName} listen`,
      // Else it would wait for ever for a server that accepts and says nothing.
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: CONNECT_TIMEOUT_MS,
      ...KEEP_ALIVE,
      stream: sockets.open,
    });
    client.on('notification', onNotify);
    client.on('error', again);
    client.on('end', again);
    try {
      await client.connect();
      await client.query(`LISTEN "${channel}"`);
      onNotify();
    } catch (error) {
      options.log.debug({ err: error, channel }, 'listen failed, will retry');
      again();
    }
  }

  function drop(): void {
    client?.removeAllListeners();
    client?.on('error', () => undefined);
    void client?.end().catch(() => undefined);
  }

  function again(): void {
    if (closed || retry) return;
    drop();
    options.onUnreachable?.();
    retry = setTimeout(() => {
      retry = undefined;
      void connect();
    }, LISTEN_RETRY_MS);
    retry.unref();
  }

  void connect();
  return {
    async close() {
      closed = true;
      clearTimeout(retry);
      drop();
      await sockets.leave();
    },
  };
}
