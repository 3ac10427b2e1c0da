import { media, plainRoute, type Route } from './kernel/route.ts';
import type { ProcessMetrics } from './metrics.ts';

/** Serves the metrics to a scraper; belongs on the management listener only. */
export function metricsRoute(metrics: Pick<ProcessMetrics, 'expose' | 'mediaType'>): Route {
  return plainRoute({
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
