import { afterAll, beforeAll, expect, test } from 'vitest';
import { runAuthctl } from '../cli/support/run-program.ts';
import { MASTER_KEY } from '../support/appliance.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

let database: TestDatabase;
let gateway: WebhookReceiver;
let answer = 202;

beforeAll(async () => {
  database = await createTestDatabase();
  gateway = await startWebhookReceiver(() => answer);
});
afterAll(async () => {
  await gateway.close();
  await database.drop();
});

function sms(args: string[], env: Record<string, string> = { AUTHCTL_SMS_URL: gateway.url }) {
  return runAuthctl(['sms', ...args], {
    env: {
      // The socket is in the query; the setting wants a URL with a host all the same.
      AUTHCTL_DATABASE_URL: database.connectionString.replace('@/', '@localhost/'),
      AUTHCTL_MASTER_KEY: MASTER_KEY,
      AUTHCTL_PHONES: 'collect',
      ...env,
    },
  });
}

test('sms test: says what the gateway answered, and exits by it', async () => {
  const { code, stdout } = await sms(['test', '+49 170 1234567', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ to: '+491701234567', id: expect.any(String) });
  expect(JSON.parse(gateway.received.at(-1)!.body)).toMatchObject({
    kind: 'test',
    to: '+491701234567',
    text: 'authctl: This is a test message.',
  });
  answer = 422;
  const refused = await sms(['test', '+491701234567']);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('HTTP 422') });
  answer = 500;
  const failed = await sms(['test', '+491701234567']);
  expect(failed).toMatchObject({ code: 3, stderr: expect.stringContaining('HTTP 500') });
  expect(failed.stderr).not.toContain(gateway.url);
});

test('sms test: what is no number, and no gateway', async () => {
  const wrong = await sms(['test', '0170 1234567']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('country code') });
  const none = await sms(['test', '+491701234567'], {});
  expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('AUTHCTL_SMS_URL') });
});

test('sms secret: the configured one, or one of this installation that is not that of events', async () => {
  const own = JSON.parse((await sms(['secret', '--json'])).stdout);
  expect(own).toEqual({ secret: expect.stringMatching(/^whsec_/), from: 'keys' });
  const configured = { AUTHCTL_SMS_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };
  const given = JSON.parse((await sms(['secret', '--json'], configured)).stdout);
  expect(given).toEqual({ secret: configured.AUTHCTL_SMS_SECRET, from: 'sms.secret' });
});

test('doctor says whether the gateway is there', async () => {
  const checkOf = async (env: Record<string, string>) => {
    const { stdout } = await runAuthctl(['doctor', '--json'], {
      env: {
        AUTHCTL_DATABASE_URL: database.connectionString.replace('@/', '@localhost/'),
        AUTHCTL_MASTER_KEY: MASTER_KEY,
        AUTHCTL_PHONES: 'collect',
        ...env,
      },
    });
    const { checks } = JSON.parse(stdout);
    return checks.find(({ check }: { check: string }) => check === 'sms');
  };
  expect(await checkOf({})).toMatchObject({ state: 'ok' });
  expect(await checkOf({ AUTHCTL_SMS_URL: gateway.url })).toMatchObject({ state: 'ok' });
  const away = await checkOf({ AUTHCTL_SMS_URL: 'http://127.0.0.1:9/secret-path' });
  expect(away).toMatchObject({ state: 'fail', detail: expect.stringContaining('ECONNREFUSED') });
  expect(JSON.stringify(away)).not.toContain('secret-path');
});
