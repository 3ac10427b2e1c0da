import type { ClientInfo } from '../client-info.ts';

/** How much mail of one type a mailbox may be sent (5 an hour, 20 a day). */
export interface MailBudget {
  /**
   * Takes one mail from a mailbox's budget; false when it is used up: the caller then answers as
   * ever and sends nothing. The refusal is audited.
   * @param type what the mailbox gets; one budget a type
   */
  take(type: string, mailbox: string, client: ClientInfo): Promise<boolean>;
}
