import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createMailLoop } from '../../src/worker/mail-loop.ts';
import { type MailBench, openMailBench } from '../services/mail/mail-bench.ts';
import { eventually } from '../support/eventually.ts';
import { startSmtpSink, startTarpit } from '../support/smtp.ts';

let bench: MailBench;
const closers: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  bench = await openMailBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.sql('TRUNCATE mails, audit'));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Starts a loop; ends it when the test does. A poll that never comes leaves only notifications. */
function startLoop(
  port: number,
  options: { pollMs?: number; graceMs?: number; tryDeadlineMs?: number; concurrency?: number } = {},
) {
  const { pollMs = 50, graceMs = 1_000, tryDeadlineMs = 10_000, concurrency = 4 } = options;
  const transport = bench.smtpTo(port, { connections: concurrency, socketTimeoutMs: 60_000 });
  const delivery = bench.deliveryOver(transport, { tryDeadlineMs });
  const { db, log } = bench;
  const loop = createMailLoop({ db, log, delivery, concurrency, pollMs, graceMs });
  const stop = new AbortController();
  const running = loop.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  closers.push(end);
  return { end };
}

const countOf = async (status: string) =>
  (await bench.rows()).filter((row) => row.status === status).length;

test('mails that are queued while it runs are sent', async () => {
  const sink = await startSmtpSink();
  closers.push(sink.close);
  startLoop(sink.port);
  for (let number = 0; number < 30; number += 1) await bench.enqueue(`user${number}@example.com`);
  await eventually('all are sent', async () => (await countOf('sent')) === 30, 20_000);
  expect(sink.received).toHaveLength(30);
});

test('a notification wakes it long before the poll', async () => {
  const sink = await startSmtpSink();
  closers.push(sink.close);
  startLoop(sink.port, { pollMs: 3_600_000 });
  await eventually('it listens', async () => {
    await bench.sql('SELECT 1');
    const sessions = await bench.sql(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
    );
    return sessions.length > 0;
  });
  await bench.enqueue();
  await eventually('it is sent', async () => {
    await bench.sql(`SELECT pg_notify('authctl_mail', '')`);
    return (await countOf('sent')) === 1;
  });
});

test('a claim that fails, as where the database is away, is not the last', async () => {
  const sink = await startSmtpSink();
  closers.push(sink.close);
  const delivery = bench.deliveryOver(bench.smtpTo(sink.port));
  let claims = 0;
  const shaky = {
    ...delivery,
    claim(limit: number) {
      claims += 1;
      return claims <= 2 ? Promise.reject(new Error('away')) : delivery.claim(limit);
    },
  };
  const { db, log } = bench;
  const loop = createMailLoop({ db, log, delivery: shaky, concurrency: 1, pollMs: 20 });
  const stop = new AbortController();
  const running = loop.run(stop.signal);
  closers.push(async () => {
    stop.abort();
    await running;
  });
  await bench.enqueue();
  await eventually('it is sent', async () => (await countOf('sent')) === 1);
});

test('a stalling mail server holds up as many mails as are sent at once, and no more are claimed', async () => {
  const tarpit = await startTarpit('RCPT');
  closers.push(tarpit.close);
  await Promise.all(Array.from({ length: 20 }, () => bench.enqueue()));
  startLoop(tarpit.port, { concurrency: 3, graceMs: 0 });
  await eventually('three are under way', () => tarpit.stalled() === 3);
  // The loop goes round several times meanwhile.
  await eventually('a later mail is queued', async () => {
    await bench.enqueue();
    return (await bench.rows()).length >= 25;
  });
  const claimed = await bench.sql('SELECT id FROM mails WHERE lease_until IS NOT NULL');
  expect(claimed).toHaveLength(3);
});

test('one recipient’s stalling server does not keep the others’ mail', async () => {
  const sink = await startSmtpSink({
    options: {
      onRcptTo({ address }, _session, done) {
        if (address !== 'slow@example.com') done();
      },
    },
  });
  closers.push(sink.close);
  await bench.enqueue('slow@example.com');
  startLoop(sink.port, { concurrency: 2, graceMs: 0 });
  for (let number = 0; number < 20; number += 1) await bench.enqueue(`user${number}@example.com`);
  await eventually('the others are sent', async () => (await countOf('sent')) === 20, 20_000);
  expect(await countOf('queued')).toBe(1);
});

test('a try that takes too long is ended, counted and spaced like any other', async () => {
  const tarpit = await startTarpit('EHLO');
  closers.push(tarpit.close);
  await bench.enqueue();
  startLoop(tarpit.port, { tryDeadlineMs: 300 });
  await eventually('the try has failed', async () => (await bench.rows())[0]!.last_error !== null);
  const [row] = await bench.rows();
  expect(row).toMatchObject({ status: 'queued', attempts: 1 });
  expect(row!.next_attempt_at.getTime()).toBeGreaterThan(bench.clock.now().getTime());
});

test('asked to stop, it finishes what is under way', async () => {
  let goOn: (() => void) | undefined;
  const sink = await startSmtpSink({
    options: {
      onRcptTo(_address, _session, done) {
        goOn = done;
      },
    },
  });
  closers.push(sink.close);
  await bench.enqueue();
  const loop = startLoop(sink.port, { graceMs: 30_000 });
  await eventually('a mail is under way', () => goOn !== undefined);
  const ended = loop.end();
  goOn!();
  await ended;
  expect(await countOf('sent')).toBe(1);
});

test('what does not finish in time is given back at once, untried', async () => {
  const tarpit = await startTarpit('RCPT');
  closers.push(tarpit.close);
  await bench.enqueue();
  const loop = startLoop(tarpit.port, { graceMs: 0 });
  await eventually('a mail is under way', () => tarpit.stalled() === 1);
  await loop.end();
  const [row] = await bench.sql('SELECT status, attempts, lease_until FROM mails');
  expect(row).toEqual({ status: 'queued', attempts: 0, lease_until: null });
});

test('a mail server that is down delays mail and loses none', async () => {
  const first = await startSmtpSink();
  const { port } = first;
  await first.close();
  await bench.enqueue();
  startLoop(port);
  await eventually('the first try failed', async () => (await bench.rows())[0]!.attempts === 1);
  const [row] = await bench.rows();
  expect(row).toMatchObject({ status: 'queued' });
});
