import type { MailKind } from '../kinds.ts';
import type { RenderedMail } from '../render.ts';

/** A finished mail on its way to one mailbox. */
export interface OutgoingMail extends RenderedMail {
  readonly id: string;
  readonly kind: MailKind;
  /** The same at every try (RFC 5322 section 3.6.4), in angle brackets. */
  readonly messageId: string;
  /** Exactly as the database holds it. */
  readonly recipient: string;
  /** When it was written; the same at every try. */
  readonly date: Date;
}

/** Where mails go. */
export interface Transport {
  /**
   * Hands one mail over; resolves once the other side has taken responsibility for it.
   * @throws MailRefused when it never will; any other error means that a later try may succeed
   */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<void>;
  /** Ends its connections, those in use as well. */
  close(): void;
}
