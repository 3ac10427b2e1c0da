import MailComposer from 'nodemailer/lib/mail-composer';
import { canonicaliseEmail } from '../../../crypto/canonical.ts';
import { MailRefused } from '../outlet.ts';
import type { OutgoingMail } from './transport.ts';

/** Who a mail is from. */
export interface Sender {
  readonly name: string;
  readonly address: string;
}

/** Reads the `mail.from` setting: an address, or a name with an address in angle brackets. */
export function parseSender(from: string): Sender {
  const [, name = '', address = from] = /^(.*) <(.*)>$/.exec(from) ?? [];
  return { name, address };
}

/**
 * What nodemailer builds the message (RFC 5322) from.
 *
 * Addresses are handed over as objects, in the envelope as in the header, so that nothing in them
 * is ever read as a list, a group or a name. An address that is not canonical is refused: between
 * what we would mean by it and what a mail server would read there could be a difference.
 * @throws MailRefused
 */
export function composeMail(mail: OutgoingMail, from: Sender) {
  const { recipient } = mail;
  if (canonicaliseEmail(recipient) !== recipient)
    throw new MailRefused('the stored address is not one that we send to');
  const to = { name: '', address: recipient };
  return {
    from,
    to,
    envelope: { from: { name: '', address: from.address }, to: [{ ...to }] },
    messageId: mail.messageId,
    date: mail.date,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    headers: {
      // RFC 3834: no out-of-office reply to us. Exchange reads its own header.
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** The message as it would travel, as bytes. */
export function buildMessage(mail: OutgoingMail, from: Sender): Promise<Buffer> {
  return new MailComposer(composeMail(mail, from)).compile().build();
}
