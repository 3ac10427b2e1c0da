import koaCors from '@koa/cors';
import type { Middleware } from '../kernel/exchange.ts';

/**
 * Lets the listed browser origins read our answers, errors and 429 included: it stands outside of
 * everything that can refuse. Credentials stay off; an empty list adds no header at all.
 *
 * @param origins exact origins: `https://app.example.com`
 */
export function cors(origins: readonly string[]): Middleware {
  if (origins.length === 0) return (_ctx, next) => next();
  const allowed = new Set(origins);
  return koaCors({
    origin: (ctx) => {
      const origin = ctx.get('Origin');
      return allowed.has(origin) ? origin : '';
    },
    allowMethods: 'GET,HEAD,POST,PUT,PATCH,DELETE',
    allowHeaders: 'Authorization,Content-Type,Idempotency-Key,If-Match,X-Request-Id',
    exposeHeaders: 'ETag,RateLimit,RateLimit-Policy,Retry-After,X-Request-Id',
    maxAge: 600,
  });
}
