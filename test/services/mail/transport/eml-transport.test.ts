import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import PostalMime from 'postal-mime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MailRefused } from '../../../../src/services/mail/outlet.ts';
import { createEmlTransport } from '../../../../src/services/mail/transport/eml-transport.ts';
import { readEml } from '../../../../src/services/mail/transport/read-eml.ts';
import type { OutgoingMail } from '../../../../src/services/mail/transport/transport.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp('/tmp/authctl-eml-');
});
afterEach(() => rm(root, { recursive: true }));

const FROM = { name: 'Example Shop', address: 'no-reply@shop.example' };
const NEVER = new AbortController().signal;
const MAIL: OutgoingMail = {
  id: '019ab3c4-0000-7000-8000-000000000001',
  kind: 'verify_email',
  messageId: '<019ab3c4-0000-7000-8000-000000000001@shop.example>',
  recipient: 'ada@example.com',
  date: new Date('2026-11-22T06:34:00Z'),
  subject: 'Confirm “you”',
  text: 'K7MP-X4QT – it works\n',
  html: '<p>K7MP-X4QT</p>',
};

test('a development mail is a complete message in a private file, readable again by its id', async () => {
  const dir = join(root, 'mail');
  expect(await readEml(dir, MAIL.id), 'no folder yet').toBeNull();
  await createEmlTransport({ dir, from: FROM }).send(MAIL, NEVER);

  const name = '20261122T063400Z-verify_email-019ab3c4-0000-7000-8000-000000000001.eml';
  expect(await readdir(dir)).toEqual([name]);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
  const message = await PostalMime.parse(await readFile(join(dir, name)));
  expect(message).toMatchObject({
    from: FROM,
    to: [{ address: 'ada@example.com' }],
    messageId: MAIL.messageId,
    date: MAIL.date.toISOString(),
    subject: MAIL.subject,
  });
  expect(message.html).toContain(MAIL.html);
  expect(await readEml(dir, MAIL.id)).toEqual({
    file: join(dir, name),
    subject: MAIL.subject,
    text: MAIL.text.trim(),
  });
  expect(await readEml(dir, '019ab3c4-0000-7000-8000-000000000002')).toBeNull();
});

test('a mail that is written twice is one file', async () => {
  const transport = createEmlTransport({ dir: root, from: FROM });
  await transport.send(MAIL, NEVER);
  await transport.send(MAIL, NEVER);
  expect(await readdir(root)).toHaveLength(1);
});

test('an address that is not canonical is refused here as it is by SMTP', async () => {
  const sending = createEmlTransport({ dir: root, from: FROM }).send(
    { ...MAIL, recipient: 'Ada@example.com' },
    NEVER,
  );
  await expect(sending).rejects.toBeInstanceOf(MailRefused);
  expect(await readdir(root)).toEqual([]);
});
