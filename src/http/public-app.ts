import type { Config } from '../../config/index.ts';
import { toAppError } from '../db/errors.ts';
import { AppError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Tracer } from '../lib/tracer.ts';
import type { Services } from '../services/index.ts';
import { createPeerCheck } from './client.ts';
import { codePageRoute } from './code-page.ts';
import { docsRoutes } from './docs-routes.ts';
import type { Guardian } from './guardian.ts';
import { type HealthChecks, healthRoute } from './health.ts';
import type { HttpApp } from './kernel/exchange.ts';
import type { Route } from './kernel/route.ts';
import type { Metrics } from './metrics.ts';
import { OPENAPI_INFO } from './openapi-info.ts';
import { openApiRoute } from './openapi-route.ts';
import { PUBLIC_ROUTES } from './routes.ts';
import { createHttpApp } from './server.ts';

export interface PublicAppDeps {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tracer?: Tracer | undefined;
  readonly version: string;
  readonly services: Services;
  readonly guardian: Guardian | null;
  readonly isLate: () => boolean;
  readonly metrics: Metrics;
  readonly health: HealthChecks;
  /** Checks every answer against its declaration: for tests. */
  readonly checkAnswers?: boolean | undefined;
}

/** The public listener: the routes of the table, health, the documents, the page of mailed links. */
export function createPublicApp(deps: PublicAppDeps): HttpApp {
  const { config, services, version, tracer } = deps;
  const documented = [...PUBLIC_ROUTES, healthRoute('/health', deps.health)];
  const routes: Route<Services>[] = [
    ...documented,
    openApiRoute(documented, { ...OPENAPI_INFO, version }, { isLimited: true }),
    ...docsRoutes(),
    codePageRoute(config.product),
  ];
  return createHttpApp({
    routes,
    services,
    authenticate: {
      bearer: (token) => services.authenticator.authenticate(token),
      // No route of this listener is for operators.
      operator: () => Promise.reject(new AppError('forbidden')),
    },
    toAppError,
    observeRequest: deps.metrics.observeRequest,
    clock: deps.clock,
    log: deps.log,
    guardian: deps.guardian,
    isLate: deps.isLate,
    trustedProxies: config.trustedProxies,
    corsOrigins: config.cors.origins,
    logEvery: config.log.sample,
    // Strangers may not choose what their requests are a part of.
    trace: tracer && { tracer, isTrusted: createPeerCheck(config.trustedProxies) },
    checkAnswers: deps.checkAnswers,
  });
}
