import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

/**
 * The headers that prove who sent a webhook and when (Standard Webhooks: HMAC-SHA-256 over
 * `id.timestamp.body`). The id and the time are signed too, so that a recorded request cannot be
 * sent again later or under another id.
 * @param secrets a signature for each: while a secret changes, receivers accept either
 */
export function signWebhook(
  secrets: readonly Buffer[],
  message: { readonly id: string; readonly sentAt: Date; readonly body: string },
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> {
  const timestamp = String(Math.floor(message.sentAt.getTime() / 1_000));
  const signed = `${message.id}.${timestamp}.${message.body}`;
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', secret).update(signed).digest('base64')}`,
  );
  return {
    'webhook-id': message.id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

/** The bytes of a configured secret: what follows `whsec_` is Base64, any other text stands for itself. */
export function parseWebhookSecret(text: string): Buffer {
  return text.startsWith(PREFIX)
    ? Buffer.from(text.slice(PREFIX.length), 'base64')
    : Buffer.from(text, 'utf8');
}

/** A secret in the form that every Standard Webhooks library takes. */
export function formatWebhookSecret(secret: Buffer): string {
  return PREFIX + secret.toString('base64');
}
