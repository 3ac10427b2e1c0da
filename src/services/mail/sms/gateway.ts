import type { SignedPost } from '../../webhook/signed-post.ts';
import { MailRefused } from '../outlet.ts';

/** A text message on its way to a telephone, as the gateway gets it. */
export interface TextMessage {
  /** The same at every try. */
  readonly id: string;
  readonly kind: string;
  /** The number, E.164: `+491701234567`. */
  readonly to: string;
  readonly text: string;
}

/**
 * Hands one message to the gateway, whoever sends it from there.
 * @throws MailRefused where the gateway says that it never will; any other error means that a later try
 *   may succeed
 */
export type SmsGateway = (message: TextMessage, signal: AbortSignal) => Promise<void>;

/**
 * Answers about the message itself: its number or its text will be no better next time (RFC 9110
 * §15.5). All others are about the gateway, or about us: a wrong address, credentials, too many at once.
 */
const REFUSALS = [400, 410, 413, 422];

/** The gateway behind a URL: any provider, by a few lines that translate its interface. */
export function createSmsGateway(post: SignedPost): SmsGateway {
  return async (message, signal) => {
    const status = await post({ id: message.id, body: JSON.stringify(message) }, signal);
    if (status >= 200 && status < 300) return;
    if (REFUSALS.includes(status)) throw new MailRefused(`HTTP ${status}`);
    throw new Error(`HTTP ${status}`);
  };
}
