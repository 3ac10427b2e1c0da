import { untilAborted } from '../../../lib/until-aborted.ts';
import { type KafkaClient, type KafkaOptions, openKafkaClient } from './kafka-client.ts';
import { describeKafkaFailure } from './kafka-failure.ts';
import type { OutgoingEvent, Sink } from './sink.ts';

/**
 * Publishes to a Kafka topic. The key is the user, so that a user's events share a partition and
 * keep their order there; confirmed means written by all in-sync replicas.
 */
export function createKafkaSink(options: KafkaOptions): Sink {
  let opening: Promise<KafkaClient> | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function send(events: readonly OutgoingEvent[], signal: AbortSignal): Promise<void> {
    // Its turn came too late: somebody else may be publishing them by the time it arrives.
    if (signal.aborted) throw new Error('no answer in time');
    opening ??= openKafkaClient(options);
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
      const failure = new Error(describeKafkaFailure(error));
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

function toMessage(topic: string, event: OutgoingEvent) {
  return {
    topic,
    key: event.userId ?? event.id,
    value: event.body,
    headers: { 'event-id': event.id, 'event-type': event.type },
    timestamp: BigInt(event.occurredAt.getTime()),
  };
}
