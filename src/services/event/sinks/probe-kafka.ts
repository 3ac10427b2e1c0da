import { untilAborted } from '../../../lib/until-aborted.ts';
import { type KafkaOptions, openKafkaClient } from './kafka-client.ts';
import { describeKafkaFailure } from './kafka-failure.ts';

/**
 * Connects and authenticates as the sink does and asks for the topic, without sending anything or
 * having a topic made.
 * @param signal the latest moment to answer
 * @returns null where events would be taken as far as can be told, else why not
 */
export async function probeKafka(
  options: KafkaOptions,
  signal: AbortSignal,
): Promise<string | null> {
  const client = await openKafkaClient(options);
  try {
    const asked = client.metadata({ topics: [options.topic], autocreateTopics: false });
    return await Promise.race([
      asked.then(() => null),
      untilAborted(signal).then(() => 'no answer in time'),
    ]);
  } catch (error) {
    return describeKafkaFailure(error);
  } finally {
    // Not awaited: a broker that hangs does not hold anybody up.
    void client.close(true).catch(() => undefined);
  }
}
