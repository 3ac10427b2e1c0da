import type { Forge } from '../crypto/forge.ts';
import { createProcessMetrics, type ProcessMetrics } from '../http/metrics.ts';
import type { Drain } from '../services/credential/drain.ts';
import type { Relay } from '../services/event/relay.ts';
import type { Delivery } from '../services/mail/deliver.ts';
import type { Channel } from '../services/mail/kinds.ts';
import type { Core } from './core.ts';
import { programVersion } from './version.ts';

/** What a worker counts: each of its services as it was, and seen by the metrics. */
export interface WorkerMetrics {
  readonly metrics: ProcessMetrics;
  meterDrain(drain: Drain): Drain;
  meterDelivery(delivery: Delivery, channel: Channel): Delivery;
  meterRelay(relay: Relay): Relay;
  /** Counts rows the sweeper has removed. */
  swept(rows: number): void;
}

/** Beside the API processes' names on one page, and never added to them. */
const PREFIX = 'authctl_worker_';
/** Seconds. Sixteen hashes a slot take a few tenths. */
const BATCH_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const MESSAGES = {
  mail: { plural: 'mails', receiver: 'mail server' },
  sms: { plural: 'sms', receiver: 'gateway' },
} as const satisfies Record<Channel, unknown>;

/** The metrics of a worker process. */
export function createWorkerMetrics({ db, clock }: Core, forge: Forge): WorkerMetrics {
  const metrics = createProcessMetrics(PREFIX);
  const { counter, gauge, histogram } = metrics;
  metrics.info('build_info', 'The version that runs.', { version: programVersion() });
  gauge('hash_rate', 'Hashes per second at the present cost.', () => forge.ratePerSecond());
  gauge('database_connections', 'Open connections.', () => db.stats().total);
  gauge('database_waiting', 'Work that waits for a connection.', () => db.stats().waiting);

  /** A loop that hangs, or that fails each time, does not move its clock. */
  function roundsOf(loop: string): () => void {
    let lastMs = clock.now().getTime();
    gauge(
      `${loop}_last_success_timestamp_seconds`,
      'Unix time of the last round without trouble, or of the start.',
      () => lastMs / 1_000,
      'max',
    );
    return () => {
      lastMs = clock.now().getTime();
    };
  }

  const rowsSwept = counter('rows_swept_total', 'Expired rows and old development mails removed.');
  const sweptOnce = roundsOf('sweeper');

  return {
    metrics,

    meterDrain(drain) {
      const hardened = counter('hashes_hardened_total', 'Pending credentials made final.');
      const failed = counter('hashes_failed_total', 'Tries at a credential that failed.');
      const parked = counter('hashes_parked_total', 'Credentials given up.');
      const seconds = histogram('hash_batch_seconds', 'Time of a batch.', BATCH_SECONDS);
      const succeeded = roundsOf('hardening');
      return {
        async drainBatch(limit, signal) {
          const startedMs = clock.monotonicMs();
          const result = await drain.drainBatch(limit, signal);
          succeeded();
          if (result.claimed === 0) return result;
          seconds.observe((clock.monotonicMs() - startedMs) / 1_000);
          hardened.add(result.hardened);
          failed.add(result.failed + result.parked);
          parked.add(result.parked);
          return result;
        },
      };
    },

    meterDelivery(delivery, channel) {
      const { plural, receiver } = MESSAGES[channel];
      const sent = counter(`${plural}_sent_total`, `Those that the ${receiver} has taken.`);
      const failed = counter(`${plural}_failed_total`, 'Tries that failed.');
      const dead = counter(`${plural}_dead_total`, 'Those given up.');
      const succeeded = roundsOf(channel);
      return {
        async claim(limit) {
          const mails = await delivery.claim(limit);
          succeeded();
          return mails;
        },
        async deliver(mail, signal) {
          const outcome = await delivery.deliver(mail, signal);
          if (outcome === 'sent') sent.add();
          if (outcome === 'deferred' || outcome === 'dead') failed.add();
          if (outcome === 'dead') dead.add();
          return outcome;
        },
      };
    },

    meterRelay(relay) {
      const published = counter('events_published_total', 'Events all sinks have confirmed.');
      const failed = counter('events_failed_total', 'Tries at an event that failed.');
      const succeeded = roundsOf('events');
      return {
        async relayBatch(limit, signal) {
          const round = await relay.relayBatch(limit, signal);
          succeeded();
          published.add(round.published);
          failed.add(round.claimed - round.published);
          return round;
        },
      };
    },

    swept(rows) {
      rowsSwept.add(rows);
      sweptOnce();
    },
  };
}
