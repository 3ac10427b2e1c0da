import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { listResetMails, readMailedCodes } from '../../../src/bench/cost/mailed-codes.ts';
import { createEmlTransport } from '../../../src/services/mail/transport/eml-transport.ts';

const at = new Date('2026-11-22T06:34:00Z');

test('the newest code mailed to each address is found; other mails are passed over', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'mails-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const transport = createEmlTransport({ dir, from: { name: '', address: 'no-reply@localhost' } });
  let sent = 0;
  const send = (kind: 'reset_password' | 'verify_email', recipient: string, code: string) => {
    sent += 1;
    const date = new Date(at.getTime() + sent * 1_000);
    const text = `Enter this code.\n\n    ${code}\n\nIt works once.`;
    const messageId = `<${sent}@localhost>`;
    const parts = { subject: 'A code', text, html: `<p>${code}</p>` };
    const mail = { id: `m${sent}`, kind, recipient, date, messageId, ...parts };
    return transport.send(mail, AbortSignal.timeout(5_000));
  };
  await send('reset_password', 'ada@bench.example', 'AAAA-2222');
  await send('verify_email', 'ada@bench.example', 'VVVV-9999');
  await send('reset_password', 'bob@bench.example', 'BBBB-3333');
  await send('reset_password', 'ada@bench.example', 'CCCC-4444');
  await writeFile(join(dir, 'notes.txt'), 'not a mail');

  expect(await listResetMails(dir)).toHaveLength(3);
  expect(await readMailedCodes(dir)).toEqual(
    new Map([
      ['ada@bench.example', 'CCCC-4444'],
      ['bob@bench.example', 'BBBB-3333'],
    ]),
  );
});

test('before the first mail there is no folder, and no mail', async () => {
  expect(await listResetMails('/nowhere/at/all')).toEqual([]);
});
