import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { cliActor } from '../../../src/services/audit/actor.ts';
import { MailRefused } from '../../../src/services/mail/outlet.ts';
import { createMailRecords, type MailRecords } from '../../../src/services/mail/records.ts';
import { type MailBench, openMailBench } from './mail-bench.ts';

let bench: MailBench;
let records: MailRecords;
const ACTOR = cliActor('operator');

beforeAll(async () => {
  bench = await openMailBench();
  records = createMailRecords(bench);
});
afterAll(() => bench.close());
beforeEach(() => bench.sql('TRUNCATE mails, audit'));

/** A delivery that never sends and refuses everything for good. */
const refusing = () =>
  bench.deliveryOver({
    send: () => Promise.reject(new MailRefused('550 no')),
    close: () => undefined,
  });

test('mails are listed newest first, by state, kind and address, without what they say', async () => {
  await bench.enqueue('ada@example.com', 'welcome');
  await bench.round(refusing());
  await bench.enqueue('ada@example.com', 'verify_email');
  await bench.enqueue('bob@example.com', 'verify_email');

  const all = await records.list({ limit: 10 });
  expect(all.map(({ recipient, kind }) => `${kind} ${recipient}`)).toEqual([
    'verify_email bob@example.com',
    'verify_email ada@example.com',
    'welcome ada@example.com',
  ]);
  expect(all[2]).toMatchObject({ status: 'dead', attempts: 1, next_attempt_at: null });
  expect(all[0]).toMatchObject({ status: 'queued', next_attempt_at: expect.any(Date) });
  expect(Object.keys(all[0]!)).not.toContain('sealed');

  const count = async (filter: object) => (await records.list({ limit: 10, ...filter })).length;
  expect(await count({ status: 'dead' })).toBe(1);
  expect(await count({ kind: 'verify_email' })).toBe(2);
  expect(await count({ recipient: 'ada@example.com', status: 'queued' })).toBe(1);
  expect(await count({ userId: '019ab3c4-0000-7000-8000-000000000001' })).toBe(0);
  expect(await count({ userId: 'not-an-id' })).toBe(0);
  expect(await count({ limit: 1 })).toBe(1);
});

test('a dead mail is queued again with all its tries, on record, and then sent', async () => {
  await bench.enqueue('ada@example.com', 'welcome');
  await bench.round(refusing());
  const [dead] = await records.list({ limit: 1 });
  await records.retry(dead!.id, ACTOR);
  expect(await records.get(dead!.id)).toMatchObject({
    status: 'queued',
    attempts: 0,
    last_error: null,
    message_id: dead!.message_id,
  });
  const audit = await bench.sql(`SELECT actor_id, detail FROM audit WHERE action = 'mail.retried'`);
  expect(audit).toEqual([{ actor_id: 'operator', detail: { mail_ids: [dead!.id] } }]);

  const sent: string[] = [];
  const delivery = bench.deliveryOver({
    send: async ({ messageId }) => void sent.push(messageId),
    close: () => undefined,
  });
  expect(await bench.round(delivery)).toEqual(['sent']);
  expect(sent).toEqual([dead!.message_id]);
});

test('of many operators who retry one mail at once, exactly one does', async () => {
  await bench.enqueue('ada@example.com', 'welcome');
  await bench.round(refusing());
  const [{ id } = { id: '' }] = await records.list({ limit: 1 });
  const retries = await Promise.allSettled(
    Array.from({ length: 20 }, () => records.retry(id, ACTOR)),
  );
  expect(retries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('only a dead mail that still has its content can be tried again', async () => {
  await bench.enqueue('ada@example.com', 'verify_email');
  const [queued] = await records.list({ limit: 1 });
  await expect(records.retry(queued!.id, ACTOR)).rejects.toMatchObject({
    code: 'conflict',
    message: 'It is queued, not dead.',
  });
  bench.clock.advance(600_000);
  await bench.round(refusing());
  await expect(records.retry(queued!.id, ACTOR)).rejects.toMatchObject({
    code: 'conflict',
    message: 'Its code has expired; the user has to ask for a new one.',
  });
  expect(await records.retryAll(ACTOR)).toEqual([]);
  for (const id of ['019ab3c4-0000-7000-8000-000000000001', 'no-id'])
    await expect(records.retry(id, ACTOR)).rejects.toMatchObject({ code: 'not_found' });
});

test('of dead messages, one kind alone is queued again where it is asked for', async () => {
  await bench.enqueue('ada@example.com', 'welcome');
  await bench.enqueue('bob@example.com', 'welcome');
  await bench.round(refusing());
  await bench.sql("UPDATE mails SET channel = 'sms' WHERE recipient = 'bob@example.com'");
  expect(await records.retryAll(ACTOR, 'sms')).toHaveLength(1);
  expect(await records.list({ status: 'dead', limit: 10 })).toMatchObject([
    { recipient: 'ada@example.com', channel: 'mail' },
  ]);
  expect(await records.retryAll(ACTOR, 'sms')).toEqual([]);
  expect(await records.retryAll(ACTOR, 'mail')).toHaveLength(1);
});

test('all dead mails are queued again by one command', async () => {
  for (const name of ['ada', 'bob', 'eve']) await bench.enqueue(`${name}@example.com`, 'welcome');
  await bench.round(refusing());
  await bench.enqueue('zoe@example.com', 'welcome');
  expect(await records.retryAll(ACTOR)).toHaveLength(3);
  expect(await records.list({ status: 'queued', limit: 10 })).toHaveLength(4);
});
