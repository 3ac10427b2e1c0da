import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { uuidv7 } from '../../../src/crypto/random.ts';
import { eventually } from '../../support/eventually.ts';
import { startWebhookReceiver } from '../../support/webhook-receiver.ts';
import { type EventBench, openEventBench } from './event-bench.ts';

const SCRIPT = join(import.meta.dirname, 'relay-process.ts');

let bench: EventBench;
const closers: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  bench = await openEventBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.sql('TRUNCATE events'));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function startRelay(url: string): ChildProcess {
  const child = spawn(process.execPath, [SCRIPT, bench.connectionString, url], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  closers.push(() => kill(child));
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const isAllPublished = async () => (await bench.rows()).every((row) => row.published_at !== null);

test('a relay killed between publishing and marking: the next publishes the same id again', async () => {
  const doomed: { relay?: ChildProcess } = {};
  const receiver = await startWebhookReceiver(async () => {
    // It has arrived, and nobody will ever write that down.
    if (receiver.received.length === 1) await kill(doomed.relay!);
    return 204;
  });
  closers.push(receiver.close);
  await bench.record({ type: 'user.verified', userId: uuidv7(Date.now()) });
  doomed.relay = startRelay(receiver.url);
  await eventually('it was killed', () => doomed.relay!.signalCode === 'SIGKILL');
  expect((await bench.rows())[0]).toMatchObject({ published_at: null, attempts: 1 });

  startRelay(receiver.url);
  await eventually('it is published', isAllPublished);
  const [row] = await bench.rows();
  expect(receiver.received.map(({ headers }) => headers['webhook-id'])).toEqual([row!.id, row!.id]);
  expect(receiver.received[1]!.body).toBe(receiver.received[0]!.body);
});

test('relays killed at random moments lose nothing and keep every user’s order', async () => {
  const users = Array.from({ length: 10 }, () => uuidv7(Date.now()));
  const PER_USER = 12;
  const receiver = await startWebhookReceiver();
  closers.push(receiver.close);
  for (let count = 0; count < PER_USER; count += 1)
    for (const userId of users)
      await bench.record({ type: 'user.updated', userId, payload: { count } });

  const relays = [startRelay(receiver.url), startRelay(receiver.url)];
  for (let kills = 0; kills < 4; kills += 1) {
    const before = receiver.received.length;
    await eventually(
      'some more have arrived',
      async () => receiver.received.length > before + 3 || isAllPublished(),
    );
    await kill(relays[kills % 2]!);
    relays[kills % 2] = startRelay(receiver.url);
  }
  await eventually('all are published', isAllPublished, 20_000);

  const bodies = receiver.received.map(({ body }) => JSON.parse(body));
  for (const userId of users) {
    const own = bodies.filter((body) => body.user_id === userId);
    const firsts = new Map(own.map((body) => [body.id, body.data.count]));
    expect([...firsts.values()]).toEqual(Array.from({ length: PER_USER }, (_, count) => count));
  }
});
