import type { Scope } from '../lib/lifecycle.ts';
import { createRelay } from '../services/event/relay.ts';
import { createKafkaSink } from '../services/event/sinks/kafka-sink.ts';
import type { Sink } from '../services/event/sinks/sink.ts';
import { createStdoutSink } from '../services/event/sinks/stdout-sink.ts';
import { createWebhookSink } from '../services/event/sinks/webhook-sink.ts';
import { webhookSecrets } from '../services/webhook/secrets.ts';
import { createRelayLoop } from '../worker/relay-loop.ts';
import type { Core } from './core.ts';
import { hasEventSink } from './has-event-sink.ts';
import { kafkaOptions } from './kafka-options.ts';
import { programVersion } from './version.ts';
import type { WorkerMetrics } from './worker-metrics.ts';

/** What Kafka and a pipe may take; a webhook may be given longer (`webhook.timeout`). */
const TRY_MS = 15_000;
/** Added to the longest time-out, so that a sink's own word comes before ours. */
const MARGIN_MS = 1_000;
/** A webhook gets each event in a request of its own, all of a batch at once. */
const WEBHOOK_BATCH = 16;
const BATCH = 200;

/** The worker's loop that publishes events; null where no sink is configured. */
export function openRelayLoop(core: Core, scope: Scope, { meterRelay }: WorkerMetrics) {
  const { config, db, clock, log, tracer } = core;
  if (!hasEventSink(config)) return null;
  const { webhook, events } = config;
  const sinks = openSinks(core).map((sink) =>
    scope.own(`event sink ${sink.name}`, sink, (opened) => opened.close()),
  );
  const deadlineMs = Math.max(TRY_MS, webhook.url ? webhook.timeoutMs : 0) + MARGIN_MS;
  const { maxTries } = events;
  const relay = createRelay({ db, clock, log, sinks, maxTries, deadlineMs, tracer });
  return createRelayLoop({
    db,
    log,
    relay: meterRelay(relay),
    batch: webhook.url ? WEBHOOK_BATCH : BATCH,
  });
}

function openSinks({ config, clock, keys }: Core): Sink[] {
  const { webhook, events } = config;
  const sinks: Sink[] = [];
  const kafka = kafkaOptions(config);
  if (kafka) sinks.push(createKafkaSink(kafka));
  if (webhook.url)
    sinks.push(
      createWebhookSink({
        url: webhook.url.reveal(),
        timeoutMs: webhook.timeoutMs,
        clock,
        secrets: () => webhookSecrets(keys, 'events', webhook.secret?.reveal()),
        userAgent: `authctl/${programVersion()}`,
      }),
    );
  if (events.stdout) sinks.push(createStdoutSink(process.stdout));
  return sinks;
}
