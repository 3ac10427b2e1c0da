import type { ClientInfo } from '../client-info.ts';
import type { Actor } from './actor.ts';

/** The actor behind a request: the user, or nobody known yet. */
export function clientActor(client: ClientInfo, userId?: string): Actor {
  return {
    kind: userId === undefined ? 'anonymous' : 'user',
    id: userId,
    ip: client.ip,
    userAgent: client.userAgent ?? undefined,
    requestId: client.requestId,
  };
}
