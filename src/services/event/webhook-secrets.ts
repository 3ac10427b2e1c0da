import { mac } from '../../crypto/mac.ts';
import type { Keys } from '../key/keyring.ts';
import { parseWebhookSecret } from './sinks/webhook-signature.ts';

/**
 * What webhooks are signed with, the current secret first: the configured one, or one derived from
 * each live `code` key of this installation. While such a key is being replaced there are two.
 */
export async function webhookSecrets(
  keys: Keys,
  configured: string | undefined,
): Promise<readonly [Buffer, ...Buffer[]]> {
  if (configured !== undefined) return [parseWebhookSecret(configured)];
  const { active, byKid } = (await keys.ring()).code;
  const others = [...byKid].filter(([kid]) => kid !== active.kid);
  return [derive(active.secret), ...others.map(([, secret]) => derive(secret))];
}

function derive(key: Buffer): Buffer {
  return mac(key, 'authctl/webhook/v1');
}
