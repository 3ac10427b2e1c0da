import type { Queryable } from '../../db/database.ts';
import type { ClientInfo } from '../client-info.ts';
import type { MailQueue } from './draft.ts';
import { isSecurityNotice, type MailData, type MailKind, type Notice } from './kinds.ts';

/** When and from where something was done, for the mail that tells its owner. */
export function noticeOf(client: ClientInfo, at: Date): Notice {
  return { at: at.toISOString(), ip: client.ip, userAgent: client.userAgent ?? undefined };
}

/**
 * Tells a user, in the transaction of what it is about: by mail where there is a mailbox, of what
 * concerns their security also by text message where these are on and there is a telephone number.
 */
export async function notifyOwner<Kind extends MailKind>(
  tx: Queryable,
  mails: MailQueue,
  user: Owner,
  kind: Kind,
  data: MailData[Kind],
): Promise<void> {
  await tell(tx, mails, user, { kind, userId: user.id, data });
}

/** The same for one who is about to be deleted: to be called before, what it writes outlives them. */
export async function notifyLeaver(
  tx: Queryable,
  mails: MailQueue,
  user: Owner,
  data: Notice,
): Promise<void> {
  await tell(tx, mails, user, { kind: 'account_deleted', userId: null, data });
}

async function tell<Kind extends MailKind>(
  tx: Queryable,
  mails: MailQueue,
  { id, email }: Owner,
  message: { kind: Kind; userId: string | null; data: MailData[Kind] },
): Promise<void> {
  if (email !== null) await mails.enqueue(tx, { ...message, recipient: email });
  if (isSecurityNotice(message.kind)) await mails.enqueueText(tx, id, message);
}

interface Owner {
  readonly id: string;
  readonly email: string | null;
}
