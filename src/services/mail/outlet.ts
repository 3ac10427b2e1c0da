import type { Channel, MailData, MailKind } from './kinds.ts';
import type { ClaimedMail } from './store.ts';

/** Where the messages of one channel go. */
export interface Outlet {
  readonly channel: Channel;
  /** Whether its recipient may be sent one more; asked once, before the first try. */
  admit(mail: ClaimedMail): Promise<boolean>;
  /** A message of this age tells nothing any more; null: what it holds says how long. */
  readonly expiresAfterMs: number | null;
  /**
   * Puts a message into words and hands it over; resolves once the other side has taken responsibility.
   * @throws MailRefused when it never will; any other error means that a later try may succeed
   */
  send(mail: ClaimedMail, data: MailData[MailKind], signal: AbortSignal): Promise<void>;
}

/** The other side refused this message for good (for mail RFC 5321 section 4.2.1: a 5yz reply). */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}
