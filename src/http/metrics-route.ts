import { media, type Route, type RouteTypes, routeFor } from './kernel/route.ts';
import type { ProcessMetrics } from './metrics.ts';

const route = routeFor<RouteTypes>();

/** Serves the metrics to a scraper; belongs on the management listener only. */
export function metricsRoute(metrics: Pick<ProcessMetrics, 'expose' | 'mediaType'>): Route {
  return route({
    method: 'get',
    path: '/metrics',
    summary: 'Metrics in the Prometheus text format',
    tags: ['health'],
    auth: 'none',
    unlimited: true,
    responses: { 200: media(metrics.mediaType) },
    handler: async () => ({ status: 200, body: await metrics.expose() }),
  });
}
