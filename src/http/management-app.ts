import type Koa from 'koa';
import { toAppError } from '../db/errors.ts';
import { AppError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type HealthChecks, healthRoute } from './health.ts';
import type { Exchange } from './kernel/exchange.ts';
import type { Metrics } from './metrics.ts';
import { metricsRoute } from './metrics-route.ts';
import { createHttpApp } from './server.ts';

export interface ManagementAppDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** What must work before traffic may come. */
  readonly ready: HealthChecks;
  /** Passes once the process has started. */
  readonly started: HealthChecks;
}

/** The management listener: health for orchestrators, metrics. Loopback by default, never public. */
export function createManagementApp(deps: ManagementAppDeps): Koa<Exchange> {
  const { clock, log, metrics } = deps;
  return createHttpApp<null>({
    routes: [
      // Alive means that the event loop turns; a dead database must not get the process killed.
      healthRoute('/health/live', {}),
      healthRoute('/health/ready', deps.ready),
      healthRoute('/health/started', deps.started),
      metricsRoute(metrics),
    ],
    services: null,
    authenticate: {
      bearer: () => Promise.reject(new AppError('forbidden')),
      operator: () => Promise.reject(new AppError('forbidden')),
    },
    toAppError,
    observeRequest: metrics.observeRequest,
    clock,
    log,
    guardian: null,
  });
}
