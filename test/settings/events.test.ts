import { readFileSync } from 'node:fs';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newAddress, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { listenOnFreePort } from '../support/listen-on-free-port.ts';
import { TEST_CERTIFICATE } from '../support/smtp.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const WEBHOOK_SECRET = Buffer.alloc(32, 7).toString('base64');
const trusted = getCACertificates('default');
const key = readFileSync(new URL('../support/localhost-key.pem', import.meta.url));

/**
 * Enough of a broker to be told who asks: it answers every request with its number, "no error" and
 * two empty lists. That is an empty ApiVersions response, and a SaslHandshake's.
 */
const broker = createServer({ cert: TEST_CERTIFICATE, key }, (socket) => {
  socket.on('error', () => undefined);
  socket.on('data', (request) => {
    heard += request.toString('latin1');
    const response = Buffer.alloc(18);
    response.writeInt32BE(response.length - 4);
    request.copy(response, 4, 8, 12);
    socket.write(response);
  });
});
let heard = '';
let receiver: WebhookReceiver;
let appliance: TestAppliance;

beforeAll(async () => {
  setDefaultCACertificates([...trusted, TEST_CERTIFICATE]);
  receiver = await startWebhookReceiver(() => 'nothing');
  appliance = await startAppliance({
    env: {
      AUTHCTL_WORKER_NICE: '0',
      AUTHCTL_HASH_MODE: 'deferred',
      AUTHCTL_KAFKA_BROKERS: `localhost:${await listenOnFreePort(broker)}`,
      AUTHCTL_KAFKA_TLS: 'on',
      AUTHCTL_KAFKA_MECHANISM: 'plain',
      AUTHCTL_KAFKA_USERNAME: 'settings-user',
      AUTHCTL_KAFKA_PASSWORD: 'settings-password',
      AUTHCTL_WEBHOOK_URL: receiver.url,
      AUTHCTL_WEBHOOK_SECRET: WEBHOOK_SECRET,
      AUTHCTL_WEBHOOK_TIMEOUT: '2s',
      AUTHCTL_EVENTS_MAX_TRIES: '1',
    },
  });
  await appliance.startWorker();
  const body = { email: newAddress('open.example'), password: PASSWORD };
  expect((await appliance.call('/v1/register', { body })).status).toBe(201);
});
afterAll(async () => {
  await appliance.stop();
  await receiver.close();
  broker.close();
  setDefaultCACertificates(trusted);
});

test('kafka.tls, kafka.mechanism, kafka.username, kafka.password: how the broker is greeted', async () => {
  // What it hears has been decrypted.
  await eventually('it is told who asks', () => heard.includes('\0settings-password'));
  expect(heard).toContain('\0\x05PLAIN');
  expect(heard).toContain('\0settings-user\0settings-password');
});

test('webhook.secret: it signs', async () => {
  await eventually('the receiver is asked', () => receiver.received.length > 0);
  const { body, headers } = receiver.received[0]!;
  const library = new Webhook(Buffer.from(WEBHOOK_SECRET).toString('base64'));
  expect(() => library.verify(body, headers as Record<string, string>)).not.toThrow();
});

test('webhook.timeout, events.max_tries: one try of two seconds, and the event is set aside', async () => {
  const dead = () => appliance.sql('SELECT last_error FROM events WHERE dead_at IS NOT NULL');
  // A try takes ten seconds by default, and there are twenty.
  await eventually('it is set aside', async () => (await dead()).length === 1, 8_000);
  expect(receiver.received).toHaveLength(1);
});
