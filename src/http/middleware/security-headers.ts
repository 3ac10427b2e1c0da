import type { Middleware } from '../kernel/exchange.ts';

/**
 * Headers of every answer. Nothing we send may be sniffed into another type, kept by a cache,
 * framed or run as a page; a route that means otherwise says so in its declaration.
 */
export function securityHeaders(): Middleware {
  return (ctx, next) => {
    const { res } = ctx;
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Cache-Control', 'no-store');
    res.setHeader('Referrer-Policy', 'no-referrer');
    res.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    return next();
  };
}
