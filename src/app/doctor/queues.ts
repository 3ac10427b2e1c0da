import type { Config } from '../../../config/index.ts';
import type { Db } from '../../db/database.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { createNodes } from '../../services/node/nodes.ts';
import { findQueues, type Queue } from '../../services/status/queues.ts';
import { hasEventSink } from '../has-event-sink.ts';
import { type Finding, ok, warn } from './check.ts';

export interface QueueDeps {
  readonly config: Config;
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Logger;
}

const NO_WORKER = 'no worker runs: start authctl worker, or serve without --no-worker';
const NO_SINK =
  'no sink is set here: set the one they were written for again (kafka.brokers, webhook.url, events.stdout)';
const NO_WAY_OUT =
  'nothing is lost: they are sent, in order, once the receiver confirms again; ' +
  'authctl events list --state waiting shows them, docs/events.md what the reasons mean';
const NO_POST =
  'check smtp.url and the mail server; codes expire meanwhile, notices are sent once it takes them; ' +
  'authctl mail list --status queued shows them';

const NO_GATEWAY = 'no gateway is set here: set sms.url again';
const NO_TEXTS =
  'check sms.url and the gateway; they are sent once it takes them; ' +
  'authctl mail list --status queued --by sms shows them';

/**
 * Whether events, mails and text messages leave the installation, judged by how long the oldest has been
 * waiting: a receiver that is away fails no request, so that nobody else tells.
 */
export async function examineQueues({ config, db, clock, log }: QueueDeps) {
  const nodes = createNodes({ db, clock, log });
  const { events, mails, texts, workers } = await findQueues({ db, nodes });
  const orNoWorker = (hint: string) => (workers === 0 ? NO_WORKER : hint);
  return {
    events: judge('events', events, hasEventSink(config) ? orNoWorker(NO_WAY_OUT) : NO_SINK),
    mails: judge('mails', mails, orNoWorker(NO_POST)),
    texts: judge('text messages', texts, config.sms.url ? orNoWorker(NO_TEXTS) : NO_GATEWAY),
  };
}

function judge(what: string, queue: Queue, hint: string): Finding {
  const { waiting, oldestSeconds, isLate } = queue;
  if (waiting === 0) return ok('none');
  if (!isLate) return ok(`${waiting}, the oldest for ${oldestSeconds} s`);
  const minutes = Math.floor(oldestSeconds / 60);
  const detail = `waiting ${what}: ${waiting}, the oldest for ${minutes} minutes`;
  return warn(`${detail}, ${describeTries(queue)}`, hint);
}

function describeTries({ tries, lastError }: Queue): string {
  if (tries === 0) return 'not tried yet';
  return `tried ${tries} times${lastError === null ? '' : `, last: ${lastError}`}`;
}
