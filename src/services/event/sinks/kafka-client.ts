import { isIP } from 'node:net';
import type { Producer } from '@platformatic/kafka';

export interface KafkaOptions {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly tls: boolean;
  readonly credentials: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  } | null;
}

export type KafkaClient = Producer<string, string, string, string>;

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

/**
 * A client of the cluster, not yet connected. It tries nothing again by itself (the outbox does), so
 * an idempotent producer would have nothing to deduplicate: it would only ask for rights that some
 * clusters do not give.
 */
export async function openKafkaClient(options: KafkaOptions): Promise<KafkaClient> {
  // Loaded only where it is used: most installations have no Kafka.
  const kafka = await import('@platformatic/kafka');
  const { credentials } = options;
  return new kafka.Producer<string, string, string, string>({
    clientId: 'authctl',
    bootstrapBrokers: [...options.brokers],
    serializers: kafka.stringSerializers,
    // The partition that Java's and librdkafka's (murmur2) clients would choose for this key.
    partitioner: kafka.compatibilityPartitioner,
    autocreateTopics: true,
    maxInflights: 1,
    retries: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    timeout: REQUEST_TIMEOUT_MS,
    ...(options.tls && { tls: {}, tlsServerName: options.brokers.some(isNamed) }),
    ...(credentials && {
      sasl: {
        mechanism: MECHANISMS[credentials.mechanism],
        username: credentials.username,
        password: credentials.password,
      },
    }),
  });
}

/** Only names may be asked for in a TLS greeting (RFC 6066 §3); certificates are checked either way. */
function isNamed(broker: string): boolean {
  const host = broker.slice(0, broker.lastIndexOf(':'));
  return isIP(host.replace(/^\[|\]$/g, '')) === 0;
}
