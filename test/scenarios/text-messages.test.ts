import { Webhook } from 'standardwebhooks';
import { expect, onTestFinished, test } from 'vitest';
import { SYSTEM_ACTOR } from '../../src/services/audit/actor.ts';
import { webhookSecrets } from '../../src/services/webhook/secrets.ts';
import { formatWebhookSecret } from '../../src/services/webhook/signature.ts';
import { authorizeReset, newAddress, OTHER_PASSWORD, PASSWORD } from '../support/accounts.ts';
import type { TestAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { type MailedAppliance, mailKinds, startMailedAppliance } from '../support/mailbox.ts';
import {
  type ReceivedWebhook,
  startWebhookReceiver,
  type WebhookAnswer,
} from '../support/webhook-receiver.ts';

let numbers = 0;

/** A number nobody has used in this file, as somebody types it, and as it is stored. */
function newNumber(): { typed: string; e164: string } {
  numbers += 1;
  const digits = String(1_000_000 + numbers);
  return { typed: `+49 170 ${digits}`, e164: `+49170${digits}` };
}

/** An appliance with a gateway that answers as it is told. */
async function start(
  answer: (text: ReceivedWebhook) => WebhookAnswer = () => 202,
  env: Record<string, string> = {},
) {
  const gateway = await startWebhookReceiver(answer);
  const appliance = await startMailedAppliance({
    env: { AUTHCTL_PHONES: 'collect', AUTHCTL_SMS_URL: gateway.url, ...env },
  });
  onTestFinished(async () => {
    await appliance.stop();
    await gateway.close();
  });
  const texts = () => gateway.received.map(({ body }) => JSON.parse(body));
  return { appliance, gateway, texts };
}

/** Somebody with a telephone, signed in; of a domain that asks for no proof. */
async function join(appliance: TestAppliance, phone?: string) {
  const email = newAddress('open.example');
  const body = { email, password: PASSWORD, ...(phone === undefined ? {} : { phone }) };
  expect((await appliance.call('/v1/register', { body })).status).toBe(201);
  const login = await appliance.call('/v1/login', { body: { email, password: PASSWORD } });
  return { email, id: login.body.user.id, token: login.body.tokens.access_token };
}

async function changePassword(appliance: TestAppliance, token: string): Promise<void> {
  const body = { current_password: PASSWORD, new_password: OTHER_PASSWORD };
  expect((await appliance.call('/v1/me/password', { token, body })).status).toBe(204);
}

const textRows = (appliance: MailedAppliance, recipient: string) =>
  appliance.sql<{ status: string; attempts: number; last_error: string | null }>(
    `SELECT status, attempts, last_error FROM mails WHERE channel = 'sms' AND recipient = $1`,
    [recipient],
  );

test('what concerns security is told by mail and by a signed text message, and nothing else is', async () => {
  const { appliance, gateway, texts } = await start();
  const { typed, e164 } = newNumber();
  const { email, token } = await join(appliance, typed);
  await changePassword(appliance, token);
  await eventually('the text arrives', () => gateway.received.length === 1);
  expect(await mailKinds(appliance, email)).toEqual(['password_changed']);
  const [text] = texts();
  expect(text).toEqual({
    id: expect.any(String),
    kind: 'password_changed',
    to: e164,
    text: expect.stringMatching(
      /^authctl: Your password was changed, \d{1,2} \w+ \d{4} at \d\d:\d\d UTC\. If this was not you, use "Forgot password" now/,
    ),
  });
  // Some telephones show only so much, and sending costs by this.
  expect(text.text.length).toBeLessThanOrEqual(160);

  const { body, headers } = gateway.received[0]!;
  expect(headers['webhook-id']).toBe(text.id);
  const { keys } = appliance.core;
  const verify = async (purpose: 'sms' | 'events') => {
    const [secret] = await webhookSecrets(keys, purpose, undefined);
    new Webhook(formatWebhookSecret(secret)).verify(body, headers as Record<string, string>);
  };
  await expect(verify('sms')).resolves.toBeUndefined();
  await expect(verify('events')).rejects.toThrow();
  const [row] = await appliance.sql(`SELECT sealed FROM mails WHERE channel = 'sms'`);
  expect(row).toEqual({ sealed: null });
});

test('nobody is sent one without a number, or before their mailbox is proved', async () => {
  const { appliance } = await start();
  const { token } = await join(appliance);
  await changePassword(appliance, token);

  const { typed, e164 } = newNumber();
  const pending = { email: newAddress(), password: PASSWORD, phone: typed };
  expect((await appliance.call('/v1/register', { body: pending })).status).toBe(202);
  const [user] = await appliance.sql<{ id: string }>('SELECT id FROM users WHERE phone = $1', [
    e164,
  ]);
  const { users } = appliance.api.services;
  await users.setPassword(SYSTEM_ACTOR, user!.id, OTHER_PASSWORD);
  expect(await mailKinds(appliance, pending.email)).toContain('password_changed');
  expect(await appliance.sql(`SELECT FROM mails WHERE channel = 'sms'`)).toEqual([]);
});

test('without a gateway nothing is written for one', async () => {
  const appliance = await startMailedAppliance({ env: { AUTHCTL_PHONES: 'collect' } });
  onTestFinished(() => appliance.stop());
  const { token } = await join(appliance, newNumber().typed);
  await changePassword(appliance, token);
  expect(await appliance.sql(`SELECT FROM mails WHERE channel = 'sms'`)).toEqual([]);
});

test('a stranger who registered an address, and a telephone, hears nothing once its owner came', async () => {
  const { appliance } = await start();
  const { typed, e164 } = newNumber();
  const { email } = await join(appliance, typed);
  const flow_token = await authorizeReset(appliance, email);
  const body = { flow_token, password: OTHER_PASSWORD };
  expect((await appliance.call('/v1/password/reset', { body })).status).toBe(200);
  expect(await appliance.mailsTo(email)).not.toEqual([]);
  expect(await textRows(appliance, e164)).toEqual([]);
  const [record] = await appliance.sql(`SELECT detail FROM audit WHERE action = 'user.updated'`);
  expect(record).toEqual({ detail: { fields: ['phone'] } });
  const owner = { email, password: OTHER_PASSWORD };
  const login = await appliance.call('/v1/login', { body: owner });
  expect(login.body.user.phone).toBeNull();
});

test('whoever deletes an account leaves word on its telephone', async () => {
  const { appliance, texts } = await start();
  const { typed, e164 } = newNumber();
  const { email, token } = await join(appliance, typed);
  const body = { password: PASSWORD };
  const deleted = await appliance.call('/v1/me', { method: 'DELETE', token, body });
  expect(deleted.status).toBe(204);
  await eventually('the text arrives', () => texts().length === 1);
  expect(texts()).toMatchObject([{ to: e164, kind: 'account_deleted' }]);
  const kinds = (await appliance.mailsTo(email)).map(({ mail }) => mail.subject);
  expect(kinds.at(-1)).toContain('deleted');
});

test('a number has one budget, however many accounts, and whoever of them is deleted', async () => {
  const { appliance, gateway } = await start(() => 202, {
    AUTHCTL_LIMITS: 'on',
    AUTHCTL_SMS_HOURLY: '3',
    AUTHCTL_SMS_DAILY: '4',
  });
  const { typed, e164 } = newNumber();
  const people = [await join(appliance, typed), await join(appliance, typed)];
  const { db, mails } = appliance.core;
  const tellOften = async () => {
    const data = { at: appliance.clock.now().toISOString() };
    const tell = (userId: string) =>
      db.transaction((tx) =>
        mails.enqueueText(tx, userId, { kind: 'password_changed', userId, data }),
      );
    await Promise.all(Array.from({ length: 20 }, (_, n) => tell(people[n % 2]!.id)));
    const isWaiting = async () =>
      (await textRows(appliance, e164)).some(({ status }) => status === 'queued');
    await eventually('all are sent or withheld', async () => !(await isWaiting()));
  };
  await tellOften();
  expect(gateway.received).toHaveLength(3);
  const withheld = await appliance.sql(
    `SELECT detail FROM audit WHERE action = 'mail.withheld' AND user_id = ANY($1)`,
    [people.map(({ id }) => id)],
  );
  expect(withheld).toHaveLength(17);
  expect(withheld[0]).toEqual({ detail: { type: 'password_changed', channel: 'sms' } });

  appliance.clock.advance(61 * 60_000);
  await appliance.api.services.users.remove(SYSTEM_ACTOR, people.pop()!.id);
  people.push(people[0]!);
  await tellOften();
  expect(gateway.received).toHaveLength(4);
  appliance.clock.advance(25 * 60 * 60_000);
  await tellOften();
  expect(gateway.received).toHaveLength(7);
});

test('an account has one budget, whatever numbers it claims, and all of them have one', async () => {
  const { appliance, gateway } = await start(() => 202, {
    AUTHCTL_LIMITS: 'on',
    AUTHCTL_SMS_HOURLY: '3',
    AUTHCTL_SMS_DAILY: '3',
    AUTHCTL_SMS_TOTAL: '5',
  });
  const isWaiting = () =>
    appliance.sql(`SELECT FROM mails WHERE channel = 'sms' AND status = 'queued'`);
  const roam = async () => {
    const { token } = await join(appliance, newNumber().typed);
    // Each is told to the number there was.
    for (let moves = 0; moves < 5; moves += 1) {
      const body = { phone: newNumber().typed };
      const moved = await appliance.call('/v1/me', { method: 'PATCH', token, body });
      expect(moved.status).toBe(200);
    }
    await eventually('all are sent or dropped', async () => (await isWaiting()).length === 0);
  };
  await roam();
  expect(gateway.received).toHaveLength(3);
  await roam();
  expect(gateway.received).toHaveLength(5);
});

test('a number that is removed is told, and so is the mailbox', async () => {
  const { appliance, texts } = await start();
  const { typed, e164 } = newNumber();
  const { email, token } = await join(appliance, typed);
  const change = (phone: string | null) =>
    appliance.call('/v1/me', { method: 'PATCH', token, body: { phone } });
  expect((await change(e164)).status).toBe(200);
  expect((await change(null)).status).toBe(200);
  await eventually('the text arrives', () => texts().length === 1);
  expect(texts()).toMatchObject([{ to: e164, kind: 'phone_changed' }]);
  expect(await mailKinds(appliance, email)).toEqual(['phone_changed']);
  await changePassword(appliance, token);
  expect(await textRows(appliance, e164)).toHaveLength(1);
});

test('yesterday’s alarms are not sent when the gateway is back', async () => {
  let answer: WebhookAnswer = 503;
  const { appliance, gateway } = await start(() => answer);
  const { typed, e164 } = newNumber();
  await changePassword(appliance, (await join(appliance, typed)).token);
  await eventually('it was tried', () => gateway.received.length === 1);
  const isTried = async () => (await textRows(appliance, e164))[0]?.last_error === 'HTTP 503';
  await eventually('that is written down', isTried);
  answer = 202;
  appliance.clock.advance(25 * 60 * 60_000);
  await appliance.sql('NOTIFY authctl_mail');
  const isOver = async () => (await textRows(appliance, e164))[0]?.status === 'dead';
  await eventually('it is given up', isOver);
  expect(await textRows(appliance, e164)).toMatchObject([{ last_error: 'expired' }]);
  expect(gateway.received).toHaveLength(1);
});

test('a gateway that stalls holds up text messages, and no mail', async () => {
  const { appliance, gateway } = await start(() => 'nothing', { AUTHCTL_SMS_CONCURRENCY: '2' });
  for (let people = 0; people < 4; people += 1) {
    const { email, token } = await join(appliance, newNumber().typed);
    await changePassword(appliance, token);
    expect(await appliance.mailsTo(email)).toHaveLength(1);
  }
  await eventually('as many as may be are under way', () => gateway.received.length === 2);
});

test('sign-ins have a budget of their own beside that of changes', async () => {
  const { appliance, texts } = await start(() => 202, {
    AUTHCTL_LIMITS: 'on',
    AUTHCTL_SMS_HOURLY: '2',
  });
  const { id } = await join(appliance, newNumber().typed);
  const { db, mails } = appliance.core;
  const data = { at: appliance.clock.now().toISOString() };
  for (const kind of ['signed_in', 'password_changed'] as const)
    for (let times = 0; times < 4; times += 1)
      await mails.enqueueText(db, id, { kind, userId: id, data });
  await appliance.sql('NOTIFY authctl_mail');
  const waiting = () =>
    appliance.sql(`SELECT FROM mails WHERE channel = 'sms' AND status = 'queued'`);
  await eventually('all are sent or withheld', async () => (await waiting()).length === 0);
  const sent = (kind: string) => texts().filter((text) => text.kind === kind);
  expect([sent('signed_in').length, sent('password_changed').length]).toEqual([2, 2]);
});

test('what the gateway refuses is given up, what it cannot do now is tried again', async () => {
  const answers = new Map<string, number>();
  const { appliance } = await start(({ body }) => answers.get(JSON.parse(body).to) ?? 500);
  const { db, mails } = appliance.core;
  for (const status of [400, 410, 413, 422, 301, 401, 403, 404, 429, 503]) {
    const { typed, e164 } = newNumber();
    answers.set(e164, status);
    const { id: userId } = await join(appliance, typed);
    const data = { at: appliance.clock.now().toISOString() };
    await mails.enqueueText(db, userId, { kind: 'password_changed', userId, data });
  }
  await appliance.sql('NOTIFY authctl_mail');
  const untold = () =>
    appliance.sql(`SELECT FROM mails WHERE channel = 'sms' AND last_error IS NULL`);
  await eventually('all are written down', async () => (await untold()).length === 0);
  for (const [number, status] of answers)
    expect(await textRows(appliance, number)).toEqual([
      {
        // About the message itself; all others are about the gateway, or about us.
        status: [400, 410, 413, 422].includes(status) ? 'dead' : 'queued',
        attempts: 1,
        last_error: `HTTP ${status}`,
      },
    ]);
});
