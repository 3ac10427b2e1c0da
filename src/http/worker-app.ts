import { toAppError } from '../db/errors.ts';
import { AppError } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { type HealthChecks, healthRoute } from './health.ts';
import type { HttpApp } from './kernel/exchange.ts';
import type { ProcessMetrics } from './metrics.ts';
import { metricsRoute } from './metrics-route.ts';
import { createHttpApp } from './server.ts';

export interface WorkerAppDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ProcessMetrics;
  /** What must work for the worker to be of use. */
  readonly ready: HealthChecks;
}

/** The management listener of a worker on its own: health and metrics, nothing that takes a token. */
export function createWorkerApp({ clock, log, metrics, ready }: WorkerAppDeps): HttpApp {
  const refuse = () => Promise.reject(new AppError('forbidden'));
  return createHttpApp({
    routes: [
      healthRoute('/health/live', {}),
      healthRoute('/health/ready', ready),
      healthRoute('/health/started', {}),
      metricsRoute(metrics),
    ],
    services: {},
    authenticate: { bearer: refuse, operator: refuse },
    toAppError,
    observeRequest: () => undefined,
    clock,
    log,
    guardian: null,
  });
}
