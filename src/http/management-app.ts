import { toAppError } from '../db/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Tracer } from '../lib/tracer.ts';
import type { AdminServices } from './admin-route.ts';
import { forwardAuthVariants } from './handlers/admin/tokens.ts';
import { type HealthChecks, healthRoute } from './health.ts';
import type { HttpApp } from './kernel/exchange.ts';
import type { Route } from './kernel/route.ts';
import { MANAGEMENT_ROUTES } from './management-routes.ts';
import type { Metrics } from './metrics.ts';
import { metricsRoute } from './metrics-route.ts';
import { MANAGEMENT_OPENAPI_INFO } from './openapi-info.ts';
import { openApiRoute } from './openapi-route.ts';
import { createHttpApp } from './server.ts';

export interface ManagementAppDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly tracer?: Tracer | undefined;
  readonly version: string;
  readonly metrics: Metrics;
  readonly services: AdminServices;
  /** What must work before traffic may come. */
  readonly ready: HealthChecks;
  /** Passes once the process has started. */
  readonly started: HealthChecks;
  /** Checks every answer against its declaration: for tests. */
  readonly checkAnswers?: boolean | undefined;
}

/**
 * The management listener: health for orchestrators, metrics, and the API of operators behind their
 * tokens. Loopback by default, never public.
 */
export function createManagementApp(deps: ManagementAppDeps): HttpApp {
  const { clock, log, version, metrics, services, tracer } = deps;
  const documented: Route<AdminServices>[] = [
    ...MANAGEMENT_ROUTES,
    // Alive means that the event loop turns; a dead database must not get the process killed.
    healthRoute('/health/live', {}),
    healthRoute('/health/ready', deps.ready),
    healthRoute('/health/started', deps.started),
    metricsRoute(metrics),
  ];
  return createHttpApp<AdminServices>({
    routes: [
      ...documented,
      ...forwardAuthVariants,
      openApiRoute(documented, { ...MANAGEMENT_OPENAPI_INFO, version }, { isLimited: false }),
    ],
    services,
    authenticate: {
      bearer: (token) => services.authenticator.authenticate(token),
      operator: services.operators.authenticate,
    },
    toAppError,
    observeRequest: metrics.observeRequest,
    clock,
    log,
    guardian: null,
    trace: tracer && { tracer, isTrusted: () => true },
    checkAnswers: deps.checkAnswers,
  });
}
