import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { canonicaliseEmail } from '../../../../src/crypto/canonical.ts';
import { MailRefused } from '../../../../src/services/mail/outlet.ts';
import {
  createSmtpTransport,
  type SmtpOptions,
} from '../../../../src/services/mail/transport/smtp-transport.ts';
import type { OutgoingMail, Transport } from '../../../../src/services/mail/transport/transport.ts';
import { eventually } from '../../../support/eventually.ts';
import {
  type SmtpScript,
  type SmtpSink,
  startSilentServer,
  startSmtpSink,
  startTarpit,
  TEST_CERTIFICATE,
} from '../../../support/smtp.ts';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const NEVER = new AbortController().signal;
const MAIL: OutgoingMail = {
  id: '019ab3c4-0000-7000-8000-000000000001',
  kind: 'verify_email',
  messageId: '<019ab3c4-0000-7000-8000-000000000001@shop.example>',
  recipient: 'ada@example.com',
  date: new Date('2026-11-22T06:34:00Z'),
  subject: 'Confirm your e-mail address',
  text: 'K7MP-X4QT\n',
  html: '<p>K7MP-X4QT</p>',
};

async function sinkFor(script: SmtpScript = {}): Promise<SmtpSink> {
  const sink = await startSmtpSink(script);
  closers.push(sink.close);
  return sink;
}

function transportTo(port: number, options: Partial<SmtpOptions> = {}): Transport {
  const transport = createSmtpTransport({
    server: { host: 'localhost', port, tls: 'opportunistic', credentials: null },
    from: { name: 'Example Shop', address: 'no-reply@shop.example' },
    connectTimeoutMs: 20_000,
    socketTimeoutMs: 20_000,
    connections: 2,
    ca: TEST_CERTIFICATE,
    ...options,
  });
  closers.push(() => transport.close());
  return transport;
}

const server = (port: number, tls: SmtpOptions['server']['tls']) => ({
  server: { host: 'localhost', port, tls, credentials: null },
});

test('a message says what it is: both parts, date, Message-ID, and that a machine wrote it', async () => {
  const sink = await sinkFor();
  await transportTo(sink.port).send(MAIL, NEVER);
  const { mail, raw } = sink.received[0]!;
  expect(mail).toMatchObject({
    subject: MAIL.subject,
    messageId: MAIL.messageId,
    date: MAIL.date.toISOString(),
  });
  expect(mail.text?.trim()).toBe(MAIL.text.trim());
  expect(mail.html?.trim()).toBe(MAIL.html);
  expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
  expect(raw).toMatch(/^Content-Type: multipart\/alternative;/m);
  expect(mail.to).toEqual([{ address: 'ada@example.com', name: '' }]);
  expect(mail.cc ?? mail.bcc).toBeUndefined();
});

test('connections are kept and used again', async () => {
  const sink = await sinkFor();
  const transport = transportTo(sink.port);
  for (let nth = 0; nth < 3; nth += 1) await transport.send(MAIL, NEVER);
  expect(sink.received).toHaveLength(3);
  expect(sink.reached.connect).toBe(1);
});

test('a kept connection that the server dropped meanwhile costs nothing', async () => {
  const sink = await sinkFor();
  const transport = transportTo(sink.port);
  await transport.send(MAIL, NEVER);
  sink.cutConnections();
  await transport.send(MAIL, NEVER);
  expect(sink.received).toHaveLength(2);
});

test('recipients are never altered: every canonical address arrives as it is, alone', async () => {
  const sink = await sinkFor();
  const transport = transportTo(sink.port, server(sink.port, 'off'));
  const atom = fc.stringMatching(/^[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,12}$/);
  const label = fc.oneof(
    fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/),
    fc.constantFrom('xn--a', 'xn--bcher-kva', 'xn--0', '0x7f', '127'),
  );
  const address = fc
    .tuple(fc.array(atom, { minLength: 1, maxLength: 3 }), label, label)
    .map(([local, sub, domain]) => `${local.join('.')}@${sub}.${domain}.com`)
    .filter((text) => canonicaliseEmail(text) === text);
  await fc.assert(
    fc.asyncProperty(address, async (recipient) => {
      const before = sink.transcript().length;
      // This server refuses domains that decode to nothing; what it was asked is what counts.
      await transport.send({ ...MAIL, recipient }, NEVER).catch(() => undefined);
      const said = sink.transcript().slice(before);
      expect(said.match(/^RCPT TO:.*$/gm)).toEqual([`RCPT TO:<${recipient}>`]);
      expect(/^To: <?(.*?)>?\r$/m.exec(said)?.[1] ?? recipient).toBe(recipient);
    }),
    { numRuns: 100 },
  );
});

test.each([
  'Ada@example.com',
  ' ada@example.com',
  '"x@evil.test y"@victim.test',
  'a@b.test,c@d.test',
  '<a@b.test>',
  'a@b.test (comment)',
  'group: a@b.test, c@d.test;',
  'ada@example.com\r\nRCPT TO:<eve@evil.test>',
  'ada@example.com\0',
  'ada@[127.0.0.1]',
  'KELVIN\u212A@example.com',
  'ada',
  '',
])('what is not a canonical address is refused, not repaired: %j', async (recipient) => {
  const sink = await sinkFor();
  const sending = transportTo(sink.port).send({ ...MAIL, recipient }, NEVER);
  await expect(sending).rejects.toBeInstanceOf(MailRefused);
  expect(sink.reached.connect).toBe(0);
});

test('line breaks and dots in any text cannot end a header or the message', async () => {
  const sink = await sinkFor();
  const hostile = 'Hello\r\nBcc: eve@evil.test\r\n\r\n.\r\nRCPT TO:<eve@evil.test>\r\n';
  await transportTo(sink.port).send(
    {
      ...MAIL,
      subject: hostile,
      text: hostile,
      html: hostile,
      messageId: `<a@b>\r\nBcc: eve@evil.test`,
    },
    NEVER,
  );
  expect(sink.received).toHaveLength(1);
  const { to, mail, raw } = sink.received[0]!;
  expect(to).toEqual(['ada@example.com']);
  expect(mail.bcc).toBeUndefined();
  expect(raw.slice(0, raw.indexOf('\r\n\r\n'))).not.toMatch(/^Bcc:/im);
  expect(sink.reached.rcpt).toBe(1);
});

test('STARTTLS is used when it is offered', async () => {
  const sink = await sinkFor();
  await transportTo(sink.port).send(MAIL, NEVER);
  expect(sink.received[0]!.isEncrypted).toBe(true);
});

test('TLS from the first byte works, and starts no plain session', async () => {
  const sink = await sinkFor({ options: { secure: true } });
  await transportTo(sink.port, server(sink.port, 'implicit')).send(MAIL, NEVER);
  expect(sink.received[0]!.isEncrypted).toBe(true);
});

test('where TLS is required nothing is sent to a server that does not offer it', async () => {
  const sink = await sinkFor({ options: { hideSTARTTLS: true, disabledCommands: ['STARTTLS'] } });
  const required = transportTo(sink.port, server(sink.port, 'required'));
  await expect(required.send(MAIL, NEVER)).rejects.not.toBeInstanceOf(MailRefused);
  expect(sink.reached.mail).toBe(0);
  await transportTo(sink.port).send(MAIL, NEVER);
  expect(sink.received[0]!.isEncrypted, 'opportunistic goes on without').toBe(false);
});

test.each(['opportunistic', 'required', 'implicit'] as const)(
  'a certificate that nobody vouches for ends a try before a word is said: %s',
  async (tls) => {
    const sink = await sinkFor({ options: { secure: tls === 'implicit' } });
    const untrusting = transportTo(sink.port, { ...server(sink.port, tls), ca: undefined });
    await expect(untrusting.send(MAIL, NEVER)).rejects.toThrow(/certificate/i);
    expect(sink.reached.mail).toBe(0);
  },
);

test('a wrong password is not the mail’s fault: it may be tried again', async () => {
  const sink = await sinkFor({
    options: { authOptional: false, onAuth: (_, __, done) => done(new Error('wrong password')) },
  });
  const credentials = { user: 'shop', password: 'not-it' };
  const transport = transportTo(sink.port, {
    server: { host: 'localhost', port: sink.port, tls: 'required', credentials },
  });
  const error: Error = await transport.send(MAIL, NEVER).then(Promise.reject, (reason) => reason);
  expect(error).not.toBeInstanceOf(MailRefused);
  expect(error.message).not.toContain('not-it');
});

test.each(['503 5.5.1 bad sequence', '530 5.7.0 authenticate first', '538 5.7.11 encrypt first'])(
  'nor is what is said about us and not about the mail: %s',
  async (reply) => {
    const refuse = Object.assign(new Error(reply.slice(4)), {
      responseCode: Number(reply.slice(0, 3)),
    });
    const sink = await sinkFor({ options: { onMailFrom: (_, __, done) => done(refuse) } });
    const error: Error = await transportTo(sink.port)
      .send(MAIL, NEVER)
      .then(Promise.reject, (reason) => reason);
    expect(error.message).toContain(reply);
    expect(error).not.toBeInstanceOf(MailRefused);
  },
);

test('a refused connection, an unknown host and a silent server are errors that pass', async () => {
  const silent = await startSilentServer();
  closers.push(silent.close);
  const closed = await startSilentServer();
  await closed.close();
  const unknown = {
    host: 'mail.invalid',
    port: 25,
    tls: 'opportunistic',
    credentials: null,
  } as const;
  for (const transport of [
    transportTo(silent.port, { connectTimeoutMs: 200 }),
    transportTo(closed.port),
    transportTo(0, { server: unknown, connectTimeoutMs: 200 }),
  ])
    await expect(transport.send(MAIL, NEVER)).rejects.not.toBeInstanceOf(MailRefused);
});

test.each(['greeting', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.'] as const)(
  'a server that drips bytes at %s is left when the caller’s time is over',
  async (stage) => {
    const tarpit = await startTarpit(stage);
    closers.push(tarpit.close);
    const stop = new AbortController();
    const outcome = transportTo(tarpit.port)
      .send(MAIL, stop.signal)
      .then(() => 'sent')
      .catch((error: Error) => error.name);
    await eventually('it stalls', () => tarpit.stalled() > 0);
    stop.abort();
    expect(await outcome).toBe('AbortError');
  },
);

test('a server that falls silent in the middle is left after the socket time-out', async () => {
  const sink = await sinkFor({ options: { onRcptTo: () => undefined } });
  const transport = transportTo(sink.port, { socketTimeoutMs: 300 });
  await expect(transport.send(MAIL, NEVER)).rejects.toThrow(/timeout/i);
});

test('closing ends a mail that is under way', async () => {
  const tarpit = await startTarpit('RCPT');
  closers.push(tarpit.close);
  const transport = transportTo(tarpit.port);
  const sending = transport.send(MAIL, NEVER);
  const outcome = expect(sending).rejects.toThrow();
  await eventually('it stalls', () => tarpit.stalled() > 0);
  transport.close();
  await outcome;
});
