import type { ClientInfo } from '../client-info.ts';
import type { Notice } from './kinds.ts';

/** When and from where something was done, for the mail that tells its owner. */
export function noticeOf(client: ClientInfo, at: Date): Notice {
  return { at: at.toISOString(), ip: client.ip, userAgent: client.userAgent ?? undefined };
}
