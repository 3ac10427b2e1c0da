import { expect, test } from 'vitest';
import { startAppliance } from '../support/appliance.ts';
import { eventually } from '../support/eventually.ts';
import { startSmtpSink } from '../support/smtp.ts';

test('the code of a registration reaches the mailbox, for the stored address, by the worker', async () => {
  const sink = await startSmtpSink();
  const appliance = await startAppliance({
    env: {
      AUTHCTL_SMTP_URL: `smtp://127.0.0.1:${sink.port}?tls=off`,
      AUTHCTL_MAIL_FROM: 'Example Shop <no-reply@shop.example>',
      AUTHCTL_PUBLIC_URL: 'https://auth.shop.example',
    },
  });
  await appliance.startWorker();
  const answer = await appliance.call('/v1/register', {
    body: { email: ' Ada@Example.com', password: 'correct horse battery' },
    headers: { Forwarded: 'host=evil.test', 'X-Forwarded-Host': 'evil.test' },
  });
  expect(answer).toMatchObject({ status: 202, body: { status: 'verification_required' } });
  await eventually('the mail arrives', () => sink.received.length === 1);

  const { from, to, mail } = sink.received[0]!;
  expect({ from, to }).toEqual({ from: 'no-reply@shop.example', to: ['ada@example.com'] });
  expect(mail.messageId).toMatch(/^<[0-9a-f-]{36}@shop\.example>$/);
  expect(mail.text).toMatch(/^ {4}[2-9A-Z]{4}-[2-9A-Z]{4}$/m);
  expect(mail.text).toContain('https://auth.shop.example/code#');
  expect(`${mail.text}${mail.html}`).not.toContain('evil');
  await appliance.stop();
  await sink.close();
});
