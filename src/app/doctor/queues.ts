import { createNodes } from '../../services/node/nodes.ts';
import { findEventQueue, findMessageQueue, type Queue } from '../../services/status/queues.ts';
import { hasEventSink } from '../has-event-sink.ts';
import { type Finding, ok, warn } from './check.ts';
import type { Installation } from './installation.ts';

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

/*
 * Whether events, mails and text messages leave the installation, judged by how long the oldest has been
 * waiting: a receiver that is away fails no request, so that nobody else tells.
 */

export async function checkEvents(installation: Installation): Promise<Finding> {
  const { config, store } = installation;
  const queue = await findEventQueue(store.db);
  const hint = hasEventSink(config) ? await orNoWorker(installation, NO_WAY_OUT) : NO_SINK;
  return judge('events', queue, hint);
}

export async function checkMails(installation: Installation): Promise<Finding> {
  const queue = await findMessageQueue(installation.store.db, 'mail');
  return judge('mails', queue, await orNoWorker(installation, NO_POST));
}

export async function checkTexts(installation: Installation): Promise<Finding> {
  const { config, store } = installation;
  const queue = await findMessageQueue(store.db, 'sms');
  const hint = config.sms.url ? await orNoWorker(installation, NO_TEXTS) : NO_GATEWAY;
  return judge('text messages', queue, hint);
}

async function orNoWorker({ clock, log, store }: Installation, hint: string): Promise<string> {
  const { workers } = await createNodes({ db: store.db, clock, log }).summary();
  return workers === 0 ? NO_WORKER : hint;
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
