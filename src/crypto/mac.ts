import { createHmac } from 'node:crypto';
import { importSecretKey } from './secret-key.ts';

/** What a MAC is for: one key may serve several purposes, and none can be passed off as another. */
export type MacLabel = `authctl/${string}/v${number}`;

/**
 * HMAC-SHA-256 (RFC 2104) over `label || 0x00 || parts`. Every part but the last must have a fixed
 * length, or two different lists of parts could make the same bytes. Texts count as UTF-8.
 * @param key 32 bytes
 */
export function mac(key: Buffer, label: MacLabel, ...parts: (Uint8Array | string)[]): Buffer {
  const hmac = createHmac('sha256', importSecretKey(key)).update(`${label}\0`);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}
