import type { Producer } from '@platformatic/kafka';
import { untilAborted } from '../../../lib/until-aborted.ts';
import type { OutgoingEvent, Sink } from './sink.ts';

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

type TextProducer = Producer<string, string, string, string>;

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

/**
 * Publishes to a Kafka topic. The key is the user, so that a user's events share a partition and
 * keep their order there; confirmed means written by all in-sync replicas.
 *
 * The client tries nothing again by itself (the outbox does), so an idempotent producer would have
 * nothing to deduplicate: it would only ask for rights that some clusters do not give.
 */
export function createKafkaSink(options: KafkaOptions): Sink {
  let opening: Promise<TextProducer> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function send(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<void> {
    // Its turn came too late: somebody else may be publishing them by the time it arrives.
    if (signal.aborted) throw new Error('no answer in time');
    opening ??= openProducer(options);
    const producer = await opening;
    const sent = producer.send({
      acks: ALL_REPLICAS,
      messages: events.map((event) => toMessage(options.topic, event)),
    });
    const isSent = await Promise.race([sent.then(() => true), untilAborted(signal)]);
    if (!isSent) throw new Error('no answer in time');
  }

  /** A producer that failed may know stale brokers, or have requests under way: the next is a new one. */
  async function discardProducer(): Promise<void> {
    const failed = opening;
    opening = undefined;
    await failed?.then((producer) => producer.close(true)).catch(() => undefined);
  }

  async function publish(
    events: readonly OutgoingEvent[],
    signal: AbortSignal,
  ): Promise<(Error | null)[]> {
    try {
      await send(events, signal);
      return events.map(() => null);
    } catch (error) {
      // Not awaited: taking leave of a broker that hangs may take as long as it likes.
      void discardProducer();
      const failure = new Error(describe(error));
      return events.map(() => failure);
    }
  }

  return {
    name: 'kafka',
    publish(events, signal) {
      const turn = last.then(() => publish(events, signal));
      last = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      await last;
      await discardProducer();
    },
  };
}

/** `acks=all` in Kafka's protocol. */
const ALL_REPLICAS = -1;

async function openProducer(options: KafkaOptions): Promise<TextProducer> {
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
    ...(options.tls && { tls: {}, tlsServerName: true }),
    ...(credentials && {
      sasl: {
        mechanism: MECHANISMS[credentials.mechanism],
        username: credentials.username,
        password: credentials.password,
      },
    }),
  });
}

function toMessage(topic: string, event: OutgoingEvent) {
  return {
    topic,
    key: event.userId ?? event.id,
    value: event.body,
    headers: { 'event-id': event.id, 'event-type': event.type },
    timestamp: BigInt(event.occurredAt.getTime()),
  };
}

/** The innermost causes: what is around them says only that something failed. */
function describe(error: unknown): string {
  const reasons = leavesOf(error).map(
    (leaf) =>
      fieldOf(leaf, 'apiId') ?? fieldOf(leaf, 'code') ?? fieldOf(leaf, 'message') ?? 'failed',
  );
  return [...new Set(reasons)].join(', ');
}

function leavesOf(error: unknown): unknown[] {
  if (error instanceof AggregateError) return error.errors.flatMap(leavesOf);
  if (error instanceof Error && error.cause !== undefined) return leavesOf(error.cause);
  return [error];
}

function fieldOf(error: unknown, name: string): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}
