import { openDatabase } from '../../../src/db/database.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import type { CounterStore } from '../../../src/services/limit/counter-store.ts';
import { createLocalStore } from '../../../src/services/limit/local-store.ts';
import { createPostgresStore } from '../../../src/services/limit/postgres-store.ts';
import { openValkeyClient } from '../../../src/services/limit/valkey-client.ts';
import { createValkeyStore } from '../../../src/services/limit/valkey-store.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestDatabase } from '../../support/postgres.ts';
import { redisBinary, startRedis } from '../../support/redis.ts';

export const log = createLogger({ level: 'silent' });

/** A kind of store, opened with an empty storage of its own. */
export interface StoreUnderTest {
  readonly store: CounterStore;
  /** What another process, or this one after a restart, opens on the same storage; null: nothing is shared. */
  readonly another: CounterStore | null;
  close(): Promise<void>;
}

export interface StoreKind {
  readonly name: string;
  readonly isMissing: boolean;
  open(): Promise<StoreUnderTest>;
}

/** Every implementation: one set of sentences must hold for all. */
export const STORE_KINDS: readonly StoreKind[] = [
  {
    name: 'in this process',
    isMissing: false,
    open: async () => ({
      store: createLocalStore(),
      another: null,
      close: async () => undefined,
    }),
  },
  { name: 'in PostgreSQL', isMissing: false, open: openInPostgres },
  {
    name: `in ${redisBinary ?? 'Valkey'}`,
    isMissing: redisBinary === null,
    open: openInValkey,
  },
];

async function openInPostgres(): Promise<StoreUnderTest> {
  const database = await createTestDatabase();
  const open = () =>
    openDatabase({
      connectionString: database.connectionString,
      poolSize: 8,
      log,
      applicationName: 'test',
    });
  const [db, anotherDb] = [open(), open()];
  return {
    store: createPostgresStore(db),
    another: createPostgresStore(anotherDb),
    async close() {
      await db.close();
      await anotherDb.close();
      await database.drop();
    },
  };
}

async function openInValkey(): Promise<StoreUnderTest> {
  const server = await startRedis();
  const clients = [await connect(server.url), await connect(server.url)] as const;
  return {
    store: createValkeyStore(clients[0]),
    another: createValkeyStore(clients[1]),
    async close() {
      for (const client of clients) client.destroy();
      await server.stop();
    },
  };
}

/** A client that has its connection. */
export async function connect(url: string) {
  const client = await openValkeyClient({ url, log });
  await eventually('the client is connected', () => client.isReady);
  return client;
}
