import type { Caller, Tracer } from '../../lib/tracer.ts';
import type { HttpContext, Middleware } from '../kernel/exchange.ts';

export interface TraceRequests {
  readonly tracer: Tracer;
  /** Whether a request from this address may become a part of its sender's trace. */
  isTrusted(peer: string | undefined): boolean;
}

/** Asked every few seconds by machines that look at the answer themselves. */
const POLLED = /^\/(health|metrics)/;

/**
 * One span a request: the route by its name, never a path or a query, which may hold a token that
 * somebody pasted there. Its id is in the log, where there is more.
 */
export function trace({ tracer, isTrusted }: TraceRequests): Middleware {
  function callerOf({ req }: HttpContext): Caller | undefined {
    const { traceparent } = req.headers;
    if (typeof traceparent !== 'string') return undefined;
    return { traceparent, isTrusted: isTrusted(req.socket.remoteAddress) };
  }

  return (ctx, next) => {
    if (POLLED.test(ctx.path)) return next();
    return tracer.trace(ctx.method, { kind: 'server', caller: callerOf(ctx) }, async (span) => {
      await next();
      const { route, error, client } = ctx.state;
      span.note({
        'http.request.method': ctx.method,
        'http.response.status_code': ctx.res.statusCode,
        'authctl.request_id': client.requestId,
      });
      if (error) span.fail(error);
      if (route === null) return;
      span.rename(route);
      span.note({ 'http.route': route.slice(route.indexOf(' ') + 1) });
    });
  };
}
