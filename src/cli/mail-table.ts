import type { MailRecord } from '../services/mail/records.ts';
import { formatTable } from './format.ts';

export function formatMails(mails: readonly MailRecord[]): string {
  return formatTable(
    ['ID', 'BY', 'KIND', 'TO', 'STATUS', 'TRIES', 'CREATED', 'NEXT TRY', 'LAST ERROR'],
    mails.map((mail) => [
      mail.id,
      mail.channel,
      mail.kind,
      mail.recipient,
      mail.status,
      mail.attempts,
      mail.created_at,
      mail.next_attempt_at,
      mail.last_error,
    ]),
  );
}
