import type { ClientInfo } from '../client-info.ts';
import type { Actor } from './actor.ts';

/** The actor behind a request: a user, an operator by name, or nobody known yet. */
export function clientActor(
  client: ClientInfo,
  id?: string,
  kind: 'user' | 'operator' = 'user',
): Actor {
  return {
    kind: id === undefined ? 'anonymous' : kind,
    id,
    ip: client.ip,
    userAgent: client.userAgent ?? undefined,
    requestId: client.requestId,
  };
}
