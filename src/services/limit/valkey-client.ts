import type { Logger } from '../../lib/logger.ts';

export type ValkeyClient = Awaited<ReturnType<typeof openValkeyClient>>;

export interface ValkeyOptions {
  readonly url: string;
  readonly log: Logger;
}

const CONNECT_TIMEOUT_MS = 2_000;
const LONGEST_RECONNECT_MS = 1_000;
/** A connection that is silent for longer is dead, whatever TCP believes; pings keep a live one talking. */
const SILENCE_MS = 5_000;
const PING_EVERY_MS = 2_000;
const MOST_COMMANDS_WAITING = 10_000;

/**
 * Opens a client that connects in the background, for ever: a server that is away must neither stop
 * a start nor hold a request. While there is no connection, commands fail at once.
 */
export async function openValkeyClient({ url, log }: ValkeyOptions) {
  const { createClient } = await import('@redis/client');
  const client = createClient({
    url: url.replace(/^valkey/, 'redis'),
    name: 'authctl',
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    commandsQueueMaxLength: MOST_COMMANDS_WAITING,
    pingInterval: PING_EVERY_MS,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENCE_MS,
      reconnectStrategy: (retries) =>
        Math.min(50 * 2 ** Math.min(retries, 10), LONGEST_RECONNECT_MS),
    },
  });
  // One line per attempt: the limiter itself reports, once, that it runs without the store.
  client.on('error', (error: unknown) => log.debug({ err: error }, 'valkey connection failed'));
  void client.connect().catch((error: unknown) => {
    log.debug({ err: error }, 'valkey client closed while connecting');
  });
  return client;
}
