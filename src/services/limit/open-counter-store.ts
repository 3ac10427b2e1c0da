import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { createInsuredStore, type InsuredStore } from './insured-store.ts';
import { createLocalStore } from './local-store.ts';
import { createPostgresStore } from './postgres-store.ts';
import { openValkeyClient } from './valkey-client.ts';
import { createValkeyStore } from './valkey-store.ts';

export interface CounterStoreOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where counters live instead of PostgreSQL; null: there. */
  readonly valkey: { readonly url: string; readonly timeoutMs: number } | null;
}

/** Opens the configured store of the limits. A server that is away does not delay it. */
export async function openCounterStore(
  options: CounterStoreOptions,
): Promise<InsuredStore & { close(): void }> {
  const { db, clock, log, valkey } = options;
  const local = createLocalStore();
  if (!valkey) {
    // Its statements have time-outs; where it is away, what the limits protect is away as well.
    const shared = createPostgresStore(db);
    const store = createInsuredStore({ shared, local, clock, log, timeoutMs: null });
    return { ...store, close: () => undefined };
  }
  const client = await openValkeyClient({ url: valkey.url, log });
  const shared = createValkeyStore(client);
  const { timeoutMs } = valkey;
  const store = createInsuredStore({ shared, local, clock, log, timeoutMs });
  return { ...store, close: () => client.destroy() };
}
