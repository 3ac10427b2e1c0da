import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailRefused } from '../../src/services/mail/outlet.ts';
import { createEmlTransport } from '../../src/services/mail/transport/eml-transport.ts';
import { runAuthctl } from '../cli/support/run-program.ts';
import { MASTER_KEY, type MailBench, openMailBench, SENDER } from '../services/mail/mail-bench.ts';
import { startSilentServer, startSmtpSink } from '../support/smtp.ts';

let bench: MailBench;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp('/tmp/authctl-mail-');
  bench = await openMailBench();
});
afterAll(async () => {
  await bench.close();
  await rm(dataDir, { recursive: true });
});

function mail(args: string[], env: Record<string, string> = {}) {
  return runAuthctl(['mail', ...args], {
    env: {
      AUTHCTL_DATA_DIR: dataDir,
      // The socket is in the query; the setting wants a URL with a host all the same.
      AUTHCTL_DATABASE_URL: bench.connectionString.replace('@/', '@localhost/'),
      AUTHCTL_MASTER_KEY: MASTER_KEY,
      ...env,
    },
  });
}

const idOf = async (recipient: string) =>
  (await bench.rows()).find((row) => row.recipient === recipient)!.id;

test('mail preview: shows a mail with made-up data and writes its HTML to a file', async () => {
  const file = join(dataDir, 'preview.html');
  const args = ['preview', 'verify_email', '--product', 'Example Shop', '--html', file];
  const { code, stdout } = await mail(args);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Subject: Confirm your e-mail address for Example Shop\n/);
  expect(stdout).toContain('K7MP-X4QT');
  expect(await readFile(file, 'utf8')).toMatch(/^<!doctype html>/);
  expect((await mail(['preview', 'nonsense'])).code).toBe(2);
});

test('mail preview: a file that cannot be written is told as that, not as a fault or the database’s', async () => {
  for (const path of [dataDir, join(dataDir, 'nowhere', 'mail.html')]) {
    const { code, stderr } = await mail(['preview', 'welcome', '--html', path]);
    expect(code).toBe(1);
    expect(stderr).toContain(`error: The HTML part cannot be written to ${path}: E`);
  }
});

test('mail test: without a mail server the mail is in a file', async () => {
  const { code, stdout } = await mail(['test', 'ada@example.com']);
  expect(code).toBe(0);
  expect(stdout).toContain(join(dataDir, 'mail'));
  expect((await mail(['test', 'not an address'])).code).toBe(2);
});

test('mail test: says what the mail server answered, and exits by it', async () => {
  const sink = await startSmtpSink({
    react: (stage, _, recipient) =>
      stage === 'rcpt' && recipient === 'gone@example.com' ? 550 : undefined,
  });
  const env = { AUTHCTL_SMTP_URL: `smtp://localhost:${sink.port}?tls=off` };
  const accepted = await mail(['test', 'Ada@Example.com', '--json'], env);
  expect(accepted.code).toBe(0);
  const sent = JSON.parse(accepted.stdout);
  expect(sent).toMatchObject({ to: 'ada@example.com' });
  expect(sink.received[0]!.mail.messageId).toBe(sent.message_id);

  const refused = await mail(['test', 'gone@example.com'], env);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('550');
  await sink.close();
});

test('mail test: a server that cannot be reached exits 3 with a hint, without the password', async () => {
  const closed = await startSilentServer();
  await closed.close();
  const env = { AUTHCTL_SMTP_URL: `smtp://a:s3cret@localhost:${closed.port}` };
  const { code, stderr } = await mail(['test', 'ada@example.com'], env);
  expect(code).toBe(3);
  expect(stderr).toContain('hint: check AUTHCTL_SMTP_URL');
  expect(stderr).not.toContain('s3cret');
});

test('mail list and show: a development mail can be read, one behind a mail server cannot', async () => {
  await bench.enqueue('dev@example.com');
  const dir = join(dataDir, 'mail');
  await bench.round(bench.deliveryOver(createEmlTransport({ dir, from: SENDER })));

  const list = await mail(['list', '--to', 'DEV@example.com', '--json']);
  expect(JSON.parse(list.stdout).mails).toMatchObject([{ kind: 'verify_email', status: 'sent' }]);
  expect((await mail(['list', '--status', 'dead'])).stdout).toBe('No mails.\n');

  const id = await idOf('dev@example.com');
  const shown = await mail(['show', id]);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain('K7MP-X4QT');
  const env = { AUTHCTL_SMTP_URL: 'smtp://localhost:25' };
  const hidden = await mail(['show', id, '--json'], env);
  expect(JSON.parse(hidden.stdout)).toMatchObject({ id, status: 'sent', message: null });
  expect(hidden.stdout).not.toContain('K7MP');
});

test('mail retry: queues what was given up, and says why where it cannot', async () => {
  await bench.enqueue('dead@example.com', 'welcome');
  const send = () => Promise.reject(new MailRefused('550 no'));
  await bench.round(bench.deliveryOver({ send, close: () => undefined }));
  const id = await idOf('dead@example.com');
  expect((await mail(['list', '--status', 'dead'])).stdout).toContain('550 no');

  const retried = await mail(['retry', id, '--json']);
  expect(JSON.parse(retried.stdout)).toEqual({ retried: [id] });
  const again = await mail(['retry', id]);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain('It is queued, not dead.');
  expect((await mail(['retry', '--all'])).stdout).toBe('0 queued again\n');
  expect((await mail(['retry'])).code).toBe(2);
  expect((await mail(['retry', id, '--all'])).code).toBe(2);
  expect((await mail(['retry', '--all', '--by', 'sms'])).stdout).toBe('0 queued again\n');
  expect((await mail(['retry', id, '--by', 'sms'])).code).toBe(2);
  expect((await mail(['show', 'no-such-id'])).code).toBe(1);
});

test.each(['list', 'show', 'retry', 'test', 'preview'])(
  'mail %s: --help shows examples',
  async (verb) => {
    expect((await mail([verb, '--help'])).stdout).toContain('EXAMPLES');
  },
);
