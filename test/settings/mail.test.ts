import { afterAll, beforeAll, expect, test } from 'vitest';
import { newAddress, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { mailKinds } from '../support/mailbox.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp.ts';

/** Mailboxes the mail server says nothing about, for ever. */
const isSilent = (address: string) => address.startsWith('silent');

let sink: SmtpSink;
let appliance: TestAppliance;
const waiting = new Set<string>();
let mostWaiting = 0;

beforeAll(async () => {
  sink = await startSmtpSink({
    options: {
      disabledCommands: ['STARTTLS'],
      onRcptTo({ address }, session, done) {
        if (!isSilent(address)) return done();
        waiting.add(session.id);
        mostWaiting = Math.max(mostWaiting, waiting.size);
      },
      onClose: ({ id }) => void waiting.delete(id),
    },
  });
  appliance = await startAppliance({
    env: {
      AUTHCTL_WORKER_NICE: '0',
      AUTHCTL_PRODUCT: 'Zanzibar Tours',
      AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
      AUTHCTL_SMTP_SOCKET_TIMEOUT: '1s',
      AUTHCTL_MAIL_MAX_TRIES: '1',
      AUTHCTL_MAIL_CONCURRENCY: '6',
      AUTHCTL_MAIL_HOURLY: '2',
      AUTHCTL_MAIL_DAILY: '3',
      AUTHCTL_LIMITS: 'on',
      AUTHCTL_LOGIN_TRIES: '1000',
      AUTHCTL_HASH_MODE: 'deferred',
    },
  });
  await appliance.startWorker();
});
afterAll(async () => {
  await sink.close();
  await appliance.stop();
});

async function register(email: string): Promise<void> {
  const { status } = await appliance.call('/v1/register', { body: { email, password: PASSWORD } });
  expect(status).toBeLessThan(300);
}

test('product: mails show it', async () => {
  const email = newAddress();
  await register(email);
  await eventually('the mail arrives', () => sink.received.length === 1);
  expect(sink.received[0]?.mail.text).toContain('Zanzibar Tours');
});

test('mail.concurrency, smtp.socket_timeout, mail.max_tries: six wait at once, for a second, once', async () => {
  const emails = Array.from({ length: 8 }, (_, n) => `silent${n}@example.com`);
  await Promise.all(emails.map(register));
  const deadOf = () =>
    appliance.sql(
      `SELECT FROM mails WHERE status = 'dead' AND attempts = 1 AND recipient = ANY($1)`,
      [emails],
    );
  // By default one try takes ten seconds.
  await eventually('all are given up', async () => (await deadOf()).length === 8, 8_000);
  expect(mostWaiting).toBe(6);
});

test('mail.hourly, mail.daily: two in an hour, three in a day', async () => {
  const email = newAddress('open.example');
  await register(email);
  const ask = async () => {
    const { status } = await appliance.call('/v1/password/forgot', { body: { email } });
    expect(status).toBe(202);
    // One that is superseded before it was sent is none.
    const queued = `SELECT FROM mails WHERE recipient = $1 AND status = 'queued'`;
    await eventually('it is sent', async () => (await appliance.sql(queued, [email])).length === 0);
  };
  const mails = async () => (await mailKinds(appliance, email)).length;
  for (let count = 0; count < 3; count += 1) await ask();
  expect(await mails()).toBe(2);
  appliance.clock.advance(61 * 60_000);
  for (let count = 0; count < 3; count += 1) await ask();
  expect(await mails()).toBe(3);
});
