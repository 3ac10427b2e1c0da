import type { Config } from '../../config/index.ts';

/** Whether events go anywhere; where they do not, none are written. */
export function hasEventSink({ kafka, webhook, events }: Config): boolean {
  return kafka.brokers.length > 0 || webhook.url !== undefined || events.stdout;
}
