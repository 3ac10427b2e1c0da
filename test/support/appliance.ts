import { loadConfig } from '../../config/index.ts';
import { type Core, openCore } from '../../src/app/core.ts';
import { type Api, startApi } from '../../src/app/start-api.ts';
import { startWorker } from '../../src/app/start-worker.ts';
import { createScope } from '../../src/lib/lifecycle.ts';
import { createLogger } from '../../src/lib/logger.ts';
import { SYSTEM_ACTOR } from '../../src/services/audit/actor.ts';
import { createTestClock, type TestClock } from './clock.ts';
import { createTestDatabase, type TestDatabase } from './postgres.ts';

/** A fixed master key, so that nodes of one test agree on it. */
export const MASTER_KEY = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';

export interface TestAppliance {
  readonly core: Core;
  readonly api: Api;
  readonly clock: TestClock;
  readonly url: string;
  /** Calls the API over HTTP; a body makes it a POST unless a method is given. */
  call(path: string, options?: CallOptions): Promise<Answer>;
  /** Runs SQL on the test's database. */
  sql<Row extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Starts a worker in this process; stopped with the appliance. */
  startWorker(): Promise<void>;
  stop(): Promise<void>;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON body; null where there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
  readonly body: any;
}

export interface TestApplianceOptions {
  /** Settings as environment variables, `AUTHCTL_` prefix included. */
  readonly env?: Record<string, string>;
  /** Share another appliance's database, as a second node. */
  readonly beside?: TestAppliance;
  /** A database that holds an installation; whoever made it drops it. */
  readonly database?: TestDatabase;
}

const databases = new WeakMap<TestAppliance, TestDatabase>();

/**
 * A whole API node in this process, on a database of its own: domains `example.com` (mailed code)
 * and `open.example` (no verification) are trusted, limits are off unless asked for.
 */
export async function startAppliance(options: TestApplianceOptions = {}): Promise<TestAppliance> {
  const shared = options.database ?? (options.beside && databases.get(options.beside));
  const database = shared ?? (await createTestDatabase());
  const config = loadConfig({
    env: {
      AUTHCTL_DATABASE_URL: database.connectionString,
      AUTHCTL_MASTER_KEY: MASTER_KEY,
      AUTHCTL_PORT: '0',
      AUTHCTL_LIMITS: 'off',
      AUTHCTL_LOG_LEVEL: 'silent',
      ...options.env,
    },
  });
  const log = createLogger({ level: config.log.level, file: config.log.file });
  const scope = createScope(log);
  const clock = options.beside?.clock ?? createTestClock();
  const core = await openCore({ config, scope, log, role: 'api', poolSize: 10, clock });
  if (!shared) {
    await core.domains.seed(SYSTEM_ACTOR, [
      { name: 'example.com', trust: true },
      { name: 'open.example', trust: true, verification: 'none' },
    ]);
  }
  const api = await startApi({ core, scope, port: 0, processes: 1, checkAnswers: true });
  const url = `http://127.0.0.1:${api.listener.port}`;
  const appliance: TestAppliance = {
    core,
    api,
    clock,
    url,
    call: (path, given) => call(url + path, given),
    sql: (text, values) => core.db.query({ name: '', text }, values),
    async startWorker() {
      await startWorker(core, scope);
    },
    async stop() {
      await scope.release();
      if (!shared) await database.drop();
    },
  };
  databases.set(appliance, database);
  return appliance;
}

export async function call(url: string, options: CallOptions = {}): Promise<Answer> {
  const { body, token, headers } = options;
  const response = await fetch(url, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text ? JSON.parse(text) : null,
  };
}
