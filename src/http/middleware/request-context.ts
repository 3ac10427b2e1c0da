import { uuidv7 } from '../../crypto/random.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ClientResolver } from '../client.ts';
import type { Middleware } from '../kernel/exchange.ts';

/** Ids a caller may choose: short, and harmless in a log line, a header and a URL. */
const ACCEPTED_ID = /^[A-Za-z0-9._-]{1,64}$/;
const MAX_USER_AGENT = 256;

/**
 * Says who asks, and gives the request its id: the caller's `X-Request-Id` where it is 1 to 64 of
 * `[A-Za-z0-9._-]`, else a new one. The answer carries it whatever happens.
 */
export function requestContext(resolveClient: ClientResolver, clock: Clock): Middleware {
  return (ctx, next) => {
    const { headers, socket } = ctx.req;
    const inbound = headers['x-request-id'];
    const requestId =
      typeof inbound === 'string' && ACCEPTED_ID.test(inbound)
        ? inbound
        : uuidv7(clock.now().getTime());
    const address = resolveClient(socket.remoteAddress, headers['x-forwarded-for']);
    const userAgent = headers['user-agent']?.slice(0, MAX_USER_AGENT) ?? null;
    ctx.state = {
      client: {
        ip: address.ip,
        network: address.network,
        limitKey: address.limitKey,
        ceilingKey: address.ceilingKey,
        userAgent,
        requestId,
      },
      route: null,
      error: null,
    };
    ctx.res.setHeader('X-Request-Id', requestId);
    return next();
  };
}
