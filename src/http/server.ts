import Koa from 'koa';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { createClientResolver } from './client.ts';
import type { Guardian } from './guardian.ts';
import type { Exchange, HttpApp } from './kernel/exchange.ts';
import { createRespond } from './kernel/respond.ts';
import type { Route } from './kernel/route.ts';
import { createRouter } from './kernel/router.ts';
import { type Authenticate, createServe } from './kernel/serve.ts';
import { createTimeBuckets } from './kernel/time-buckets.ts';
import { cors } from './middleware/cors.ts';
import { errorHandler, type ToAppError } from './middleware/error-handler.ts';
import { type ObserveRequest, observe } from './middleware/observe.ts';
import { requestContext } from './middleware/request-context.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { type TraceRequests, trace } from './middleware/trace.ts';

export interface HttpAppOptions<Services> {
  readonly routes: readonly Route<Services>[];
  readonly services: Services;
  readonly authenticate: Authenticate;
  readonly toAppError: ToAppError;
  readonly observeRequest: ObserveRequest;
  readonly clock: Clock;
  readonly log: Logger;
  /** null on the management listener, and where limits are off. */
  readonly guardian: Guardian | null;
  /** Whether to refuse all but health, as this process has more to do than it can; never when absent. */
  readonly isLate?: () => boolean;
  /** CIDRs whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[];
  readonly corsOrigins?: readonly string[];
  /** While it is busy, one answer in so many is logged at `info`. */
  readonly logEvery?: number;
  readonly trace?: TraceRequests | undefined;
  /** Checks each JSON answer against its declaration: for tests. */
  readonly checkAnswers?: boolean | undefined;
}

/**
 * Builds one listener's application; the public and the management one differ in what they are
 * given. The middleware stands in the order it runs. Koa's own `proxy` stays off: what it believes
 * about a client, the client can choose.
 */
export function createHttpApp<Services>(options: HttpAppOptions<Services>): HttpApp {
  const { routes, services, authenticate, guardian, clock, log, observeRequest } = options;
  const { trustedProxies = [], corsOrigins = [], logEvery = 1_000 } = options;
  const { isLate = () => false } = options;
  const respond = createRespond(options.checkAnswers ?? false);
  const inTimeBucket = createTimeBuckets(clock.monotonicMs);
  const serve = createServe({ services, authenticate, guardian, isLate, inTimeBucket, respond });
  const router = createRouter(routes, serve, guardian);

  const app = new Koa<Exchange>();
  app.use(requestContext(createClientResolver(trustedProxies), clock));
  if (options.trace) app.use(trace(options.trace));
  app.use(observe({ clock, log, observeRequest, logEvery }));
  app.use(securityHeaders());
  app.use(cors(corsOrigins));
  app.use(errorHandler(options.toAppError));
  app.use(router.fixed);
  app.use(router.parametrised);
  app.use(router.unmatched);
  // What is left are connections that broke while an answer was being written.
  app.on('error', (error: unknown) => log.debug({ err: error }, 'connection broke'));
  return app;
}
