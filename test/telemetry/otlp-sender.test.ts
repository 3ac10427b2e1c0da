import { expect, onTestFinished, test } from 'vitest';
import { createOtlpSender, NotDelivered } from '../../src/telemetry/otlp-sender.ts';
import { startWebhookReceiver, type WebhookAnswer } from '../support/webhook-receiver.ts';

const NEVER = new AbortController().signal;

/** A collector that answers as it is told, and the way to it. */
async function start(answer: WebhookAnswer) {
  const collector = await startWebhookReceiver(() => answer);
  onTestFinished(collector.close);
  const send = createOtlpSender({
    signal: 'traces',
    endpoint: collector.url,
    headers: { authorization: 'Bearer canary' },
    mediaType: 'application/json',
    userAgent: 'authctl/test',
  });
  const outcome = (signal = NEVER) =>
    send('{}', signal).then(
      () => 'taken',
      (error: unknown) => error,
    );
  return { collector, outcome };
}

test('an export is posted to its signal’s own path, with the configured headers', async () => {
  const { collector, outcome } = await start(200);
  expect(await outcome()).toBe('taken');
  expect(collector.received).toMatchObject([
    { path: '/hook/v1/traces', body: '{}', headers: { authorization: 'Bearer canary' } },
  ]);
});

test('a redirect is not followed: its headers may be a key', async () => {
  const { collector: elsewhere } = await start(200);
  const { outcome } = await start({ status: 307, headers: { location: elsewhere.url } });
  expect(await outcome()).toMatchObject({ message: 'HTTP 307', isPassing: false });
  expect(elsewhere.received).toEqual([]);
});

test.each([
  [429, true],
  [502, true],
  [503, true],
  [504, true],
  [400, false],
  [401, false],
  [413, false],
  [500, false],
])('after a %i the same export may be taken later: %s', async (status, isPassing) => {
  const { outcome } = await start(status);
  const error = await outcome();
  expect(error).toBeInstanceOf(NotDelivered);
  expect(error).toMatchObject({ message: `HTTP ${status}`, isPassing });
});

test('a collector that is away or silent may be there later, and is not named', async () => {
  const silent = await start('nothing');
  expect(await silent.outcome(AbortSignal.timeout(50))).toMatchObject({
    message: 'no answer in time',
    isPassing: true,
  });
  const { collector, outcome } = await start(200);
  await collector.close();
  expect(await outcome()).toMatchObject({ message: 'ECONNREFUSED', isPassing: true });
});
