import type { Queryable } from '../../db/database.ts';
import type { ClientInfo } from '../client-info.ts';
import type { MailQueue } from './draft.ts';
import { isSecurityNotice, type MailData, type MailKind, type Notice } from './kinds.ts';

/** Whose mailbox and telephone hear of it. */
export interface Owner {
  readonly id: string;
  readonly email: string | null;
}

/** When and, where a device is known, from where something was done, for the mail that tells its owner. */
export function noticeOf(client: ClientInfo | undefined, at: Date): Notice {
  return { at: at.toISOString(), ip: client?.ip, userAgent: client?.userAgent ?? undefined };
}

/**
 * Tells a user, in the transaction of what it is about: by mail where there is a mailbox, of what
 * concerns their security also by text message where these are on and there is a telephone number.
 * Of a deletion it is to be called before.
 */
export async function notifyOwner<Kind extends MailKind>(
  tx: Queryable,
  mails: MailQueue,
  { id, email }: Owner,
  kind: Kind,
  data: MailData[Kind],
): Promise<void> {
  // A mail goes with its user; the one about the deletion outlives them.
  const userId = kind === 'account_deleted' ? null : id;
  const message = { kind, userId, data };
  if (email !== null) await mails.enqueue(tx, { ...message, recipient: email });
  if (isSecurityNotice(kind)) await mails.enqueueText(tx, id, message);
}
