import type { Queryable } from '../../db/database.ts';
import type { ClientInfo } from '../client-info.ts';
import type { MailQueue } from './draft.ts';
import type { MailData, MailKind, Notice } from './kinds.ts';

/** When and from where something was done, for the mail that tells its owner. */
export function noticeOf(client: ClientInfo, at: Date): Notice {
  return { at: at.toISOString(), ip: client.ip, userAgent: client.userAgent ?? undefined };
}

/** Tells a user by mail, in the transaction of what it is about; nothing for one without a mailbox. */
export async function notifyOwner<Kind extends MailKind>(
  tx: Queryable,
  mails: MailQueue,
  user: { readonly id: string; readonly email: string | null },
  kind: Kind,
  data: MailData[Kind],
): Promise<void> {
  if (user.email === null) return;
  await mails.enqueue(tx, { kind, userId: user.id, recipient: user.email, data });
}
