import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Outlet } from '../../../src/services/mail/outlet.ts';
import { SAMPLES } from '../../../src/services/mail/templates/samples.ts';
import { lockRow } from '../../support/lock.ts';
import { type SmtpScript, type SmtpSink, startSmtpSink } from '../../support/smtp.ts';
import { type MailBench, openMailBench } from './mail-bench.ts';

let bench: MailBench;
let sink: SmtpSink;

beforeAll(async () => {
  bench = await openMailBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.sql('TRUNCATE mails, audit'));
afterEach(() => sink.close());

async function deliveryTo(script: SmtpScript) {
  sink = await startSmtpSink(script);
  return bench.deliveryOver(bench.smtpTo(sink.port));
}

const MINUTE = 60_000;

test('a mail is sent once, with its code, and its content is erased', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue('ada@example.com');
  expect(await bench.round(delivery)).toEqual(['sent']);
  expect(await bench.round(delivery)).toEqual([]);

  const [row] = await bench.rows();
  expect(row).toMatchObject({ status: 'sent', attempts: 1, sealed: null, last_error: null });
  expect(sink.received).toHaveLength(1);
  const { from, to, mail } = sink.received[0]!;
  expect({ from, to }).toEqual({ from: 'no-reply@shop.example', to: ['ada@example.com'] });
  expect(mail.messageId).toBe(row!.message_id);
  expect(mail.text).toContain('K7MP-X4QT');
  expect(mail.text).toContain('expires in 10 minutes');
  expect(mail.html).toContain('K7MP-X4QT');
  expect(mail.from).toMatchObject({ address: 'no-reply@shop.example', name: 'Example Shop' });
  expect(mail.date).toBe(bench.clock.now().toISOString());
});

for (const stage of ['connect', 'mail', 'rcpt', 'end'] as const) {
  for (const reply of [421, 450, 451]) {
    test(`a ${reply} at ${stage} is tried again later, with the same Message-ID`, async () => {
      const delivery = await deliveryTo({
        react: (at, nth) => (at === stage && nth === 1 ? reply : undefined),
      });
      await bench.enqueue();
      expect(await bench.round(delivery)).toEqual(['deferred']);
      expect(await bench.round(delivery), 'not before its time').toEqual([]);
      const [deferred] = await bench.rows();
      expect(deferred).toMatchObject({ status: 'queued', attempts: 1 });
      expect(deferred!.last_error).toContain(String(reply));

      // Ten seconds and a fifth at most: its lease, which would have gone on, is over with the try.
      bench.clock.advance(12_000);
      expect(await bench.round(delivery)).toEqual(['sent']);
      expect(sink.received.at(-1)!.mail.messageId).toBe(deferred!.message_id);
    });
  }
}

for (const stage of ['mail', 'rcpt', 'end'] as const) {
  for (const reply of [550, 552, 554]) {
    test(`a ${reply} at ${stage} ends a mail after one try, on record`, async () => {
      const delivery = await deliveryTo({ react: (at) => (at === stage ? reply : undefined) });
      await bench.enqueue();
      expect(await bench.round(delivery)).toEqual(['dead']);
      bench.clock.advance(600 * MINUTE);
      expect(await bench.round(delivery)).toEqual([]);
      expect(sink.reached.mail).toBe(1);

      const [row] = await bench.rows();
      expect(row).toMatchObject({ status: 'dead', attempts: 1 });
      const audit = await bench.sql('SELECT action, actor_kind, detail FROM audit');
      expect(audit).toEqual([
        {
          action: 'mail.given_up',
          actor_kind: 'system',
          detail: {
            mail_id: row!.id,
            channel: 'mail',
            kind: 'verify_email',
            tries: 1,
            reason: row!.last_error,
          },
        },
      ]);
    });
  }
}

test('what is stored of an error names neither the recipient nor the code', async () => {
  sink = await startSmtpSink();
  const said = `550 5.1.1 <Ada@Example.com> unknown; message "K7MP-X4QT, k7mpx4qt"\r\nX: ada@example.com`;
  const delivery = bench.deliveryOver({
    send: () => Promise.reject(new Error(said)),
    close: () => undefined,
  });
  await bench.enqueue('ada@example.com');
  await bench.round(delivery);
  const [row] = await bench.rows();
  expect(row!.last_error).toBe('550 5.1.1 <***> unknown; message "***, ***" X: ***');
});

test('nor who else the server speaks of, and it is kept short', async () => {
  sink = await startSmtpSink();
  const said = `451 forwarding to eve@elsewhere.example failed ${'x'.repeat(500)}`;
  const delivery = bench.deliveryOver({
    send: () => Promise.reject(new Error(said)),
    close: () => undefined,
  });
  await bench.enqueue('ada@example.com');
  await bench.round(delivery);
  const [row] = await bench.rows();
  expect(row!.last_error).toMatch(/^451 forwarding to \*\*\* failed x+$/);
  expect(row!.last_error).toHaveLength(300);
});

test('nor the telephone number that a message without a code was for', async () => {
  sink = await startSmtpSink();
  const outlet: Outlet = {
    channel: 'mail',
    admit: async () => true,
    expiresAfterMs: null,
    send: ({ recipient }) => Promise.reject(new Error(`${recipient} is switched off`)),
  };
  const delivery = bench.deliveryOver(bench.smtpTo(sink.port), { outlet });
  await bench.enqueue('+491701234567', 'password_changed');
  await bench.round(delivery);
  expect((await bench.rows())[0]!.last_error).toBe('*** is switched off');
});

test('a connection cut before the final dot is tried again; the receiver has one copy', async () => {
  const delivery = await deliveryTo({
    react: (at, nth) => (at === 'content' && nth === 1 ? 'drop' : undefined),
  });
  await bench.enqueue();
  expect(await bench.round(delivery)).toEqual(['deferred']);
  bench.clock.advance(MINUTE);
  expect(await bench.round(delivery)).toEqual(['sent']);
  expect(sink.received).toHaveLength(1);
});

test('a connection cut after the final dot costs at most one extra copy, with the same Message-ID', async () => {
  const delivery = await deliveryTo({
    react: (at, nth) => (at === 'end' && nth === 1 ? 'drop' : undefined),
  });
  await bench.enqueue();
  expect(await bench.round(delivery)).toEqual(['deferred']);
  expect(sink.received).toHaveLength(1);
  bench.clock.advance(MINUTE);
  expect(await bench.round(delivery)).toEqual(['sent']);
  const [first, second, ...more] = sink.received.map(({ mail }) => mail);
  expect(more).toEqual([]);
  expect(second!.messageId).toBe(first!.messageId);
  expect(second!.date).toBe(first!.date);
  expect(first!.text).toContain('K7MP-X4QT');
  expect(second!.text).toContain('K7MP-X4QT');
});

test('greylisting for five minutes still delivers while the code lives, as one copy', async () => {
  const start = bench.clock.now().getTime();
  const delivery = await deliveryTo({
    react: (at) =>
      at === 'rcpt' && bench.clock.now().getTime() - start < 5 * MINUTE ? 450 : undefined,
  });
  await bench.enqueue();
  let outcome: string[] = [];
  while (!outcome.includes('sent') && bench.clock.now().getTime() - start < 30 * MINUTE) {
    outcome = await bench.round(delivery);
    bench.clock.advance(5_000);
  }
  expect(outcome).toEqual(['sent']);
  // The sixth try: 5:40 after the first, each wait up to a fifth longer and seen up to a step late.
  const latest = 1.2 * 340_000 + 6 * 5_000;
  expect(bench.clock.now().getTime() - start).toBeLessThanOrEqual(latest);
  expect(sink.received).toHaveLength(1);
  expect(sink.received[0]!.mail.text).toMatch(/expires in [234] minutes/);
});

test('a mail whose code has expired is not sent any more, and nothing of it is kept', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue();
  bench.clock.advance(10 * MINUTE);
  expect(await bench.round(delivery)).toEqual(['dead']);
  expect(sink.reached.connect).toBe(0);
  expect((await bench.rows())[0]).toMatchObject({
    status: 'dead',
    last_error: 'expired',
    sealed: null,
  });
});

test('a notice does not expire: it is tried up to the last try, then given up', async () => {
  const delivery = await deliveryTo({ react: (at) => (at === 'rcpt' ? 451 : undefined) });
  await bench.enqueue('ada@example.com', 'password_changed');
  const outcomes: string[] = [];
  for (let hour = 0; hour < 24; hour += 1) {
    outcomes.push(...(await bench.round(delivery)));
    bench.clock.advance(60 * MINUTE);
  }
  expect(outcomes).toEqual([...Array(7).fill('deferred'), 'dead']);
  expect((await bench.rows())[0]).toMatchObject({ status: 'dead', attempts: 8 });
  expect((await bench.rows())[0]!.sealed).not.toBeNull();
});

test('a worker that was killed in the middle leaves its mail to the next when the lease ends', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue();
  const [abandoned] = await delivery.claim(1);
  expect(abandoned).toBeDefined();
  expect(await delivery.claim(1), 'leased').toEqual([]);
  bench.clock.advance(59_000);
  expect(await delivery.claim(1), 'still leased').toEqual([]);
  bench.clock.advance(1_000);
  expect(await bench.round(delivery)).toEqual(['sent']);
  expect(sink.received).toHaveLength(1);
});

test('a worker that stalled past its lease never marks another one’s mail', async () => {
  const delivery = await deliveryTo({ react: (at) => (at === 'end' ? 451 : undefined) });
  await bench.enqueue();
  const [stalled] = await delivery.claim(1);
  bench.clock.advance(MINUTE);
  const [current] = await delivery.claim(1);
  expect(current!.id).toBe(stalled!.id);
  const before = await bench.rows();
  expect(await delivery.deliver(stalled!, new AbortController().signal)).toBe('lost');
  expect(await bench.rows()).toEqual(before);
  expect(await delivery.deliver(current!, new AbortController().signal)).toBe('deferred');
});

test('nor one that its successor has given back, though the try has the same number', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue();
  const [stalled] = await delivery.claim(1);
  bench.clock.advance(MINUTE);
  const [successor] = await delivery.claim(1);
  expect(await delivery.deliver(successor!, AbortSignal.abort())).toBe('released');
  const before = await bench.rows();
  expect(before[0]).toMatchObject({ status: 'queued', attempts: stalled!.attempts });
  expect(await delivery.deliver(stalled!, new AbortController().signal)).toBe('lost');
  expect(await bench.rows()).toEqual(before);
});

test('a message is weighed against its recipient’s budget once, however many tries it takes', async () => {
  sink = await startSmtpSink();
  const asked: string[] = [];
  let tries = 0;
  const outlet: Outlet = {
    channel: 'mail',
    async admit({ id }) {
      asked.push(id);
      return asked.length === 1;
    },
    expiresAfterMs: null,
    async send() {
      tries += 1;
      if (tries < 3) throw new Error('not now');
    },
  };
  const delivery = bench.deliveryOver(bench.smtpTo(sink.port), { outlet });
  await bench.enqueue('ada@example.com', 'password_changed');
  const outcomes: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    outcomes.push(...(await bench.round(delivery)));
    bench.clock.advance(60 * MINUTE);
  }
  expect(outcomes).toEqual(['deferred', 'deferred', 'sent']);
  expect(asked).toHaveLength(1);
});

test('a mail that kills its worker at every try is given up', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue('ada@example.com', 'welcome');
  for (let tries = 0; tries < 8; tries += 1) {
    expect(await delivery.claim(1)).toHaveLength(1);
    bench.clock.advance(MINUTE);
  }
  expect(await bench.round(delivery)).toEqual(['dead']);
  expect(sink.reached.connect).toBe(0);
});

test('eight deliverers send 200 mails as 200 messages, none twice', async () => {
  sink = await startSmtpSink();
  await Promise.all(
    Array.from({ length: 200 }, (_, number) => bench.enqueue(`user${number}@example.com`)),
  );
  const workers = Array.from({ length: 8 }, async () => {
    const delivery = bench.deliveryOver(bench.smtpTo(sink.port, { connections: 2 }));
    while ((await bench.round(delivery, 5)).length > 0);
  });
  await Promise.all(workers);
  const recipients = sink.received.map(({ to }) => to.join());
  expect(recipients).toHaveLength(200);
  expect(new Set(recipients).size).toBe(200);
  const messageIds = new Set(sink.received.map(({ mail }) => mail.messageId));
  expect(messageIds.size).toBe(200);
  expect(await bench.sql('SELECT status, count(*)::int FROM mails GROUP BY status')).toEqual([
    { status: 'sent', count: 200 },
  ]);
});

test('a claim never takes more than it was asked for', async () => {
  const delivery = await deliveryTo({});
  await Promise.all(Array.from({ length: 40 }, () => bench.enqueue()));
  const claims = await Promise.all(Array.from({ length: 10 }, () => delivery.claim(3)));
  const ids = claims.flat().map(({ id }) => id);
  expect(claims.every((claim) => claim.length <= 3)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a code goes before notices, but not before one that has waited for five minutes', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue('early@example.com', 'welcome');
  bench.clock.advance(5 * MINUTE + 1);
  for (let index = 0; index < 30; index += 1) await bench.enqueue('notice@example.com', 'welcome');
  bench.clock.advance(1);
  await bench.enqueue('code@example.com', 'verify_email');
  const first = await delivery.claim(2);
  expect(new Set(first.map(({ recipient }) => recipient))).toEqual(
    new Set(['early@example.com', 'code@example.com']),
  );
});

test('a mail that another worker is just claiming is passed over, not waited for', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue('first@example.com');
  await bench.enqueue('second@example.com');
  const [first] = await bench.rows();
  const held = await lockRow(bench.connectionString, 'mails', first!.id);
  try {
    const claimed = await delivery.claim(2);
    expect(claimed.map(({ recipient }) => recipient)).toEqual(['second@example.com']);
  } finally {
    await held.release();
  }
  expect(await delivery.claim(2)).toHaveLength(1);
});

test('a mail is given back untried when the worker is asked to stop', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue();
  const [mail] = await delivery.claim(1);
  expect(await delivery.deliver(mail!, AbortSignal.abort())).toBe('released');
  expect((await bench.rows())[0]).toMatchObject({ status: 'queued', attempts: 0 });
  expect(await bench.round(delivery)).toEqual(['sent']);
});

test('a row that was tampered with is never sent', async () => {
  const delivery = await deliveryTo({});
  await bench.enqueue('ada@example.com', 'welcome');
  await bench.enqueue('eve@example.com', 'verify_email');
  await bench.sql(`UPDATE mails SET sealed = (SELECT sealed FROM mails WHERE kind = 'verify_email'),
    kind = 'verify_email' WHERE recipient = 'ada@example.com'`);
  expect((await bench.round(delivery)).toSorted()).toEqual(['deferred', 'sent']);
  expect(sink.received.map(({ to }) => to)).toEqual([['eve@example.com']]);
});

test.each([
  ['for an address that is nobody’s', null],
  ['of a user who is gone', '019ab3c4-0000-7000-8000-00000000000b'],
])('a code %s is never sent, and leaves nothing, however late', async (_, userId) => {
  for (const hours of [0, 1]) {
    const delivery = await deliveryTo({});
    await bench.enqueue('nobody@example.com', 'reset_password', SAMPLES.reset_password, userId);
    bench.clock.advance(hours * 60 * MINUTE);
    expect(await bench.round(delivery)).toEqual(['withdrawn']);
    expect(sink.received).toEqual([]);
    expect(await bench.rows()).toEqual([]);
    expect(await bench.sql('SELECT FROM audit')).toEqual([]);
    await sink.close();
  }
});

test('a mail of a transaction that was rolled back is never sent', async () => {
  const delivery = await deliveryTo({});
  const rolledBack = bench.db.transaction(async (tx) => {
    const mail = {
      kind: 'welcome',
      userId: null,
      recipient: 'ada@example.com',
      data: SAMPLES.welcome,
    };
    await bench.queue.enqueue(tx, { ...mail, kind: 'welcome' });
    throw new Error('changed our mind');
  });
  await expect(rolledBack).rejects.toThrow('changed our mind');
  expect(await bench.round(delivery)).toEqual([]);
});
