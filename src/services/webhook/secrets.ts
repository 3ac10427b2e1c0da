import { mac } from '../../crypto/mac.ts';
import type { Keys } from '../key/keyring.ts';
import { parseWebhookSecret } from './signature.ts';

/** What the receiver of one purpose knows must not sign for another. */
export type WebhookPurpose = 'events' | 'sms';

const LABELS = {
  events: 'authctl/webhook/v1',
  sms: 'authctl/sms/v1',
} as const satisfies Record<WebhookPurpose, string>;

/**
 * What webhooks are signed with, the current secret first: the configured one, or one derived from
 * each live `code` key of this installation. While such a key is being replaced there are two.
 */
export async function webhookSecrets(
  keys: Keys,
  purpose: WebhookPurpose,
  configured: string | undefined,
): Promise<readonly [Buffer, ...Buffer[]]> {
  if (configured !== undefined) return [parseWebhookSecret(configured)];
  const { active, byKid } = (await keys.ring()).code;
  const others = [...byKid].filter(([kid]) => kid !== active.kid);
  const derive = (key: Buffer) => mac(key, LABELS[purpose]);
  return [derive(active.secret), ...others.map(([, secret]) => derive(secret))];
}
