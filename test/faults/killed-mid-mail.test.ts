import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createInstallation, type Installation, type Running } from '../support/process.ts';
import { PASSWORD } from '../support/registration-load.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp.ts';

const PATIENCE_MS = 30_000;

let installation: Installation;
let sink: SmtpSink;
let worker: Running;
let ended: Promise<number | null> | undefined;

beforeEach(async () => {
  ended = undefined;
  sink = await startSmtpSink({
    options: { disabledCommands: ['STARTTLS'] },
    react(stage, nth) {
      if (stage !== 'end' || nth > 1) return undefined;
      // It has the mail, and whoever sent it never hears so.
      ended = worker.end('SIGKILL');
      return 'drop';
    },
  });
  installation = await createInstallation({
    AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
    AUTHCTL_LOG_LEVEL: 'error',
  });
});
afterEach(async () => {
  await installation.remove();
  await sink.close();
});

test('kill -9 of a worker whose mail was just taken: one more copy, the same, and its code works once', async () => {
  const api = await installation.serve('--no-worker');
  const post = async (path: string, body: object) => {
    const response = await fetch(api.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as { flow_token: string } };
  };
  const registered = await post('/v1/register', { email: 'ada@example.com', password: PASSWORD });
  worker = installation.start('worker');
  await eventually('the worker is killed', () => ended !== undefined, PATIENCE_MS);
  expect(await ended).toBe(null);
  const mails = await installation.sql('SELECT status, attempts FROM mails');
  expect(mails).toEqual([{ status: 'queued', attempts: 1 }]);

  // The end of the lease, without waiting for it.
  await installation.sql('UPDATE mails SET lease_until = now()');
  worker = installation.start('worker');
  const isSent = async () =>
    (await installation.sql(`SELECT FROM mails WHERE status = 'sent'`)).length === 1;
  await eventually('the next one has sent it', isSent, PATIENCE_MS);
  const [first, second, ...more] = sink.received.map(({ mail }) => mail);
  expect(more).toEqual([]);
  expect(second!.messageId).toBe(first!.messageId);
  const codes = [first, second].map((mail) => /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(mail!.text!)?.[0]);
  expect(codes[1]).toBe(codes[0]);

  const { flow_token } = registered.body;
  expect((await post('/v1/verify', { flow_token, code: codes[0] })).status).toBe(200);
  expect((await post('/v1/verify', { flow_token, code: codes[1] })).status).toBe(410);
  expect(await worker.end('SIGTERM')).toBe(0);
  expect(await api.end('SIGTERM')).toBe(0);
}, 120_000);
