import { Webhook } from 'standardwebhooks';
import { afterEach, expect, test } from 'vitest';
import { webhookSecrets } from '../../src/services/webhook/secrets.ts';
import { formatWebhookSecret } from '../../src/services/webhook/signature.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { hasKafka, startKafka, whyNoKafka } from '../support/kafka.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const password = 'correct horse battery staple';
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  answer?: Parameters<typeof startWebhookReceiver>[0],
  env: Record<string, string> = {},
): Promise<{ receiver: WebhookReceiver; appliance: TestAppliance }> {
  const receiver = await startWebhookReceiver(answer);
  closers.push(receiver.close);
  const appliance = await startAppliance({ env: { AUTHCTL_WEBHOOK_URL: receiver.url, ...env } });
  closers.push(appliance.stop);
  return { receiver, appliance };
}

async function signUp(appliance: TestAppliance, email: string): Promise<string> {
  const registered = await appliance.call('/v1/register', { body: { email, password } });
  expect(registered.status).toBe(201);
  const signedIn = await appliance.call('/v1/login', { body: { email, password } });
  expect(signedIn.status).toBe(200);
  return signedIn.body.tokens.access_token;
}

test('what a user does reaches the webhook, signed, in order and without secrets', async () => {
  const { receiver, appliance } = await start();
  await appliance.startWorker();
  const token = await signUp(appliance, 'ada@open.example');
  await appliance.call('/v1/logout', { token, method: 'POST' });
  await eventually('all three have arrived', () => receiver.received.length === 3);

  const [secret] = await webhookSecrets(appliance.core.keys, 'events', undefined);
  const library = new Webhook(formatWebhookSecret(secret));
  for (const { body, headers } of receiver.received)
    expect(() => library.verify(body, headers as Record<string, string>)).not.toThrow();

  const bodies = receiver.received.map(({ body }) => JSON.parse(body));
  expect(bodies.map(({ type }) => type)).toEqual([
    'user.registered',
    'session.created',
    'session.revoked',
  ]);
  expect(bodies[0].data).toEqual({ status: 'active', username: null, has_email: true });
  expect(new Set(bodies.map(({ user_id }) => user_id)).size).toBe(1);
  const all = receiver.received.map(({ body }) => body).join();
  for (const secretOrAddress of [password, token, 'ada@'])
    expect(all).not.toContain(secretOrAddress);
});

test('a receiver that never answers delays no request, and gets everything later', async () => {
  const away: { now: boolean } = { now: true };
  const { receiver, appliance } = await start(() => (away.now ? 'nothing' : 204), {
    AUTHCTL_WEBHOOK_TIMEOUT: '100ms',
  });
  await appliance.startWorker();
  for (let user = 0; user < 10; user += 1) await signUp(appliance, `user${user}@open.example`);
  const status = await appliance.core.status();
  expect(status.events).toMatchObject({ waiting: 20, dead: 0 });
  away.now = false;
  const isDone = async () => (await appliance.core.status()).events.waiting === 0;
  await eventually('all are published', isDone, 20_000);
  const ids = new Set(receiver.received.map(({ headers }) => headers['webhook-id']));
  expect(ids.size).toBe(20);
});

test('without a sink nothing is written', async () => {
  const appliance = await startAppliance();
  closers.push(appliance.stop);
  await signUp(appliance, 'ada@open.example');
  expect(await appliance.sql('SELECT 1 FROM events')).toEqual([]);
});

test.skipIf(!hasKafka)(
  `with Kafka brokers configured events reach their topic (else: ${whyNoKafka})`,
  async () => {
    const cluster = await startKafka();
    closers.push(cluster.stop);
    const env = { AUTHCTL_KAFKA_BROKERS: cluster.brokers.join(), AUTHCTL_KAFKA_TOPIC: 'accounts' };
    const appliance = await startAppliance({ env });
    closers.push(appliance.stop);
    await appliance.startWorker();
    await signUp(appliance, 'ada@open.example');
    const isDone = async () => (await appliance.core.status()).events.waiting === 0;
    await eventually('all are published', isDone);
    const messages = await cluster.consume('accounts');
    expect(messages.map(({ payload }) => JSON.parse(payload).type)).toEqual([
      'user.registered',
      'session.created',
    ]);
  },
);
