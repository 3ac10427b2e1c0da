import type { Config } from '../../config/index.ts';
import type { KafkaOptions } from '../services/event/sinks/kafka-client.ts';

/** The configured Kafka cluster; null where there is none. */
export function kafkaOptions({ kafka }: Config): KafkaOptions | null {
  const { brokers, topic, tls, mechanism, username, password } = kafka;
  if (brokers.length === 0) return null;
  const credentials =
    username === undefined ? null : { mechanism, username, password: password?.reveal() ?? '' };
  return { brokers, topic, tls, credentials };
}
