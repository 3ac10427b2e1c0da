import type { Forge } from '../crypto/forge.ts';
import type { Metrics } from '../http/metrics.ts';
import { shareRun } from '../lib/share-run.ts';
import type { Services } from '../services/index.ts';
import type { StatusReport } from '../services/status/status.ts';
import type { Core } from './core.ts';

export interface GaugeSources {
  readonly metrics: Metrics;
  readonly core: Core;
  readonly services: Services;
  readonly forge: Forge;
}

/** Adds what an API process knows of itself, and of the installation. */
export function addGauges({ metrics, core, services, forge }: GaugeSources): void {
  const { gauge, counted } = metrics;
  const { db, keys } = core;
  gauge('hash_slots_busy', 'Hashes under way.', () => forge.stats().busy);
  gauge('hash_queue', 'Requests that wait for a hash.', () => forge.stats().queued);
  counted(
    'hash_rejected_total',
    'Requests refused as the queue was full.',
    () => forge.stats().rejected,
  );
  counted('hash_wait_seconds_total', 'Time waited for hashes.', () => forge.stats().waitMs / 1_000);
  gauge('hash_rate', 'Hashes per second at the present cost.', () => forge.ratePerSecond());
  gauge(
    'registration_waiting',
    'Registrations that wait for a writer.',
    () => services.batchStats().waiting,
  );
  gauge('database_connections', 'Open connections.', () => db.stats().total);
  gauge('database_waiting', 'Requests that wait for a connection.', () => db.stats().waiting);
  gauge('keys_age_seconds', 'Age of the keys at hand.', () => keys.ageMs() / 1_000, 'max');

  // All gauges of a scrape read at once: one read of the database serves them.
  const status = shareRun(core.status);
  for (const [name, help, pick] of INSTALLATION)
    gauge(name, help, async () => pick(await status()), 'first');
}

/** The installation's own, the same whichever process tells them. */
const INSTALLATION: readonly (readonly [string, string, (report: StatusReport) => number])[] = [
  ['pending_hashes', 'Credentials that wait for hardening.', (report) => report.pending_hashes],
  ['oldest_pending_seconds', 'Age of the oldest.', (report) => report.oldest_pending_seconds],
  ['parked_hashes', 'Credentials no worker could harden.', (report) => report.parked_hashes],
  ['mail_queued', 'Mails that wait to be sent.', ({ mail }) => mail.queued],
  [
    'mail_oldest_queued_seconds',
    'Age of the oldest of them.',
    ({ mail }) => mail.oldest_queued_seconds,
  ],
  ['mail_dead', 'Mails given up.', ({ mail }) => mail.dead],
  ['sms_queued', 'Text messages that wait to be sent.', ({ sms }) => sms.queued],
  [
    'sms_oldest_queued_seconds',
    'Age of the oldest of them.',
    ({ sms }) => sms.oldest_queued_seconds,
  ],
  ['sms_dead', 'Text messages given up.', ({ sms }) => sms.dead],
  ['events_waiting', 'Events that wait to be published.', ({ events }) => events.waiting],
  [
    'events_oldest_waiting_seconds',
    'Age of the oldest of them.',
    ({ events }) => events.oldest_waiting_seconds,
  ],
  ['events_dead', 'Events set aside for replay.', ({ events }) => events.dead],
];
