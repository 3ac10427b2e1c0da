import { canonicaliseEmail, domainOf } from '../../crypto/canonical.ts';
import { uuidv7 } from '../../crypto/random.ts';
import { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { MailRefused } from './outlet.ts';
import type { Renderer } from './render.ts';
import { parseSender } from './transport/compose.ts';
import type { Transport } from './transport/transport.ts';

export interface TestMailDeps {
  readonly transport: Transport;
  readonly render: Renderer;
  readonly clock: Clock;
  /** The `mail.from` setting. */
  readonly from: string;
}

const DEADLINE_MS = 30_000;

/**
 * Sends a test mail past the queue and waits for the answer.
 * @throws AppError `usage` for what is no address, `dependency_unreachable` with the server's own
 *   words when it did not take the mail, `conflict` when it never will
 */
export async function sendTestMail(
  { transport, render, clock, from }: TestMailDeps,
  address: string,
  signal: AbortSignal,
): Promise<{ to: string; message_id: string }> {
  const recipient = canonicaliseEmail(address);
  if (recipient === null)
    throw new AppError('usage', { text: `${address} is not an e-mail address we send to.` });
  const date = clock.now();
  const id = uuidv7(date.getTime());
  const messageId = `<${id}@${domainOf(parseSender(from).address)}>`;
  const kind = 'test';
  try {
    const mail = { ...render(kind, {}), id, kind, messageId, recipient, date } as const;
    await transport.send(mail, AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]));
  } catch (error) {
    throw toAppError(error);
  }
  return { to: recipient, message_id: messageId };
}

function toAppError(error: unknown): AppError {
  const said = error instanceof Error ? error.message : String(error);
  if (error instanceof MailRefused)
    return new AppError('conflict', { text: `The mail was refused: ${said}`, cause: error });
  return new AppError('dependency_unreachable', {
    text: `The mail server did not take the mail: ${said}`,
    hint: 'check AUTHCTL_SMTP_URL (address, port, smtp or smtps, user and password) and AUTHCTL_MAIL_FROM; a private certificate authority is made known with NODE_EXTRA_CA_CERTS=<file>',
    cause: error,
  });
}
