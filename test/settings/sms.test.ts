import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newAddress, OTHER_PASSWORD, PASSWORD } from '../support/accounts.ts';
import { startAppliance, type TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const PHONE = '+491701234567';

let gateway: WebhookReceiver;
let appliance: TestAppliance;

beforeAll(async () => {
  gateway = await startWebhookReceiver(() => 'nothing');
  appliance = await startAppliance({
    env: {
      AUTHCTL_PHONES: 'collect',
      AUTHCTL_MAIL_MAX_TRIES: '1',
      AUTHCTL_SMS_URL: gateway.url,
      AUTHCTL_SMS_SECRET: SECRET,
      AUTHCTL_SMS_TIMEOUT: '500ms',
      AUTHCTL_SMS_CONCURRENCY: '3',
      AUTHCTL_SMS_HOURLY: '6',
      AUTHCTL_SMS_DAILY: '7',
      AUTHCTL_SMS_TOTAL: '8',
      AUTHCTL_LIMITS: 'on',
    },
  });
  await appliance.startWorker();
});
afterAll(async () => {
  await appliance.stop();
  await gateway.close();
});

const deadTexts = () =>
  appliance.sql<{ last_error: string }>(
    `SELECT last_error FROM mails WHERE channel = 'sms' AND status = 'dead'`,
  );

test('sms.url, sms.secret, sms.timeout: it is sent there, signed with it, and waited for that long', async () => {
  const email = newAddress('open.example');
  const body = { email, password: PASSWORD, phone: PHONE };
  expect((await appliance.call('/v1/register', { body })).status).toBe(201);
  const login = await appliance.call('/v1/login', { body: { email, password: PASSWORD } });
  const change = await appliance.call('/v1/me/password', {
    token: login.body.tokens.access_token,
    body: { current_password: PASSWORD, new_password: OTHER_PASSWORD },
  });
  expect(change.status).toBe(204);
  // By default it may take ten seconds to answer.
  await eventually('it is given up', async () => (await deadTexts()).length === 1, 8_000);
  expect(await deadTexts()).toEqual([{ last_error: 'no answer in time' }]);
  const { body: sent, headers } = gateway.received[0]!;
  expect(new Webhook(SECRET).verify(sent, headers as Record<string, string>)).toMatchObject({
    to: PHONE,
  });
});

test('sms.hourly, sms.daily, sms.total, sms.concurrency: six in an hour, seven, eight in all, three at once', async () => {
  const { db, mails } = appliance.core;
  const [user] = await appliance.sql<{ id: string }>('SELECT id FROM users');
  const userId = user!.id;
  const tellOften = async () => {
    const data = { at: appliance.clock.now().toISOString() };
    await db.transaction(async (tx) => {
      for (let times = 0; times < 8; times += 1)
        await mails.enqueueText(tx, userId, { kind: 'signed_in', userId, data });
    });
    await appliance.sql('NOTIFY authctl_mail');
  };
  const isOver = async () =>
    (await appliance.sql(`SELECT FROM mails WHERE channel = 'sms' AND status = 'queued'`))
      .length === 0;
  // One of another type was sent before.
  await tellOften();
  await eventually('three are under way', () => gateway.received.length === 1 + 3);
  await eventually('six were sent', async () => (await isOver()) && gateway.received.length === 7);
  appliance.clock.advance(61 * 60_000);
  await tellOften();
  await eventually('and one more', async () => (await isOver()) && gateway.received.length === 8);
  appliance.clock.advance(20 * 60 * 60_000);
  await tellOften();
  await eventually('and none', isOver);
  expect(gateway.received).toHaveLength(8);
});
