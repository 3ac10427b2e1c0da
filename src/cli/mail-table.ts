import type { MailRecord } from '../services/mail/records.ts';
import { formatTable } from './format.ts';

/** A mail as `--json` prints it. */
export type MailView = {
  readonly [Field in keyof MailRecord]: MailRecord[Field] extends Date | null
    ? string | Extract<MailRecord[Field], null>
    : MailRecord[Field];
};

export function presentMail(mail: MailRecord): MailView {
  return {
    ...mail,
    created_at: mail.created_at.toISOString(),
    next_attempt_at: mail.next_attempt_at?.toISOString() ?? null,
    sent_at: mail.sent_at?.toISOString() ?? null,
  };
}

export function formatMails(mails: readonly MailView[]): string {
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
