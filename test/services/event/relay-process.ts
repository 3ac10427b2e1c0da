/**
 * A process that relays events to a webhook until it is killed.
 * Usage: node relay-process.ts <connection string> <webhook URL>
 */
import { openDatabase } from '../../../src/db/database.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import { createRelay } from '../../../src/services/event/relay.ts';
import { createWebhookSink } from '../../../src/services/event/sinks/webhook-sink.ts';
import { createRelayLoop } from '../../../src/worker/relay-loop.ts';

const [connectionString = '', url = ''] = process.argv.slice(2);
const log = createLogger({ level: 'silent' });
const db = openDatabase({ connectionString, poolSize: 4, log, applicationName: 'relay' });
const secret = Buffer.alloc(32, 1);
const sink = createWebhookSink({
  url,
  timeoutMs: 500,
  clock,
  secrets: async () => [secret],
  userAgent: 'authctl/test',
});
// A lease of a second: what a killed relay held is soon taken over.
const relay = createRelay({ db, clock, log, sinks: [sink], maxTries: 1_000, deadlineMs: 500 });
await createRelayLoop({ db, log, relay, batch: 4, pollMs: 50 }).run(new AbortController().signal);
