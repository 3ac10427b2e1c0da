import { JsonMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect, test } from 'vitest';
import { createMetrics } from '../../src/http/metrics.ts';
import { toMetricData } from '../../src/telemetry/to-metric-data.ts';

const PERIOD = { startTime: [1, 0], endTime: [61, 5] } as const;

interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: { stringValue: string } }[];
  readonly asDouble: number;
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

interface HistogramPoint {
  readonly explicitBounds: readonly number[];
  readonly bucketCounts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly HistogramPoint[] };
}

/** What a collector reads of these metrics, without Node's own. */
async function exported(metrics: ReturnType<typeof createMetrics>) {
  const measured = (await metrics.collect()).filter(({ name }) => /_(http|test)_/.test(name));
  const body = JsonMetricsSerializer.serializeRequest({
    resource: resourceFromAttributes({}),
    scopeMetrics: [
      {
        scope: { name: 'test' },
        metrics: toMetricData(measured, {
          startTime: [...PERIOD.startTime],
          endTime: [...PERIOD.endTime],
        }),
      },
    ],
  });
  const { resourceMetrics } = JSON.parse(Buffer.from(body!).toString());
  return resourceMetrics[0].scopeMetrics[0].metrics as Metric[];
}

test('requests become a cumulative sum and a histogram of single buckets', async () => {
  const metrics = createMetrics();
  metrics.observeRequest('/v1/login', 200, 0.002);
  metrics.observeRequest('/v1/login', 200, 0.004);
  metrics.observeRequest('/v1/login', 401, 60);
  metrics.observeRequest('/v1/me', 200, 0.5);
  const found = await exported(metrics);
  const [requests, durations] = [
    found.find(({ name }) => name === 'authctl_http_requests_total')!,
    found.find(({ name }) => name === 'authctl_http_request_duration_seconds')!,
  ];
  expect(requests.sum).toMatchObject({ isMonotonic: true, aggregationTemporality: 2 });
  expect(
    requests.sum!.dataPoints.map((point) => [
      Object.fromEntries(point.attributes.map(({ key, value }) => [key, value.stringValue])),
      point.asDouble,
      point.startTimeUnixNano,
      point.timeUnixNano,
    ]),
  ).toEqual([
    [{ route: '/v1/login', status: '200' }, 2, '1000000000', '61000000005'],
    [{ route: '/v1/login', status: '401' }, 1, '1000000000', '61000000005'],
    [{ route: '/v1/me', status: '200' }, 1, '1000000000', '61000000005'],
  ]);
  expect(durations.unit).toBe('s');
  const [login, me] = durations.histogram!.dataPoints;
  expect(login!.explicitBounds).toHaveLength(13);
  expect(login!.bucketCounts).toEqual([0, 1, 1, ...Array(10).fill(0), 1]);
  expect([login!.count, login!.sum]).toEqual([3, 60.006]);
  expect(me!.bucketCounts.reduce((sum, count) => sum + count)).toBe(1);
});

test('gauges are told as they are; one that cannot be read is left out', async () => {
  const metrics = createMetrics();
  metrics.gauge('test_up', 'Works.', () => 3);
  metrics.gauge('test_down', 'Does not.', () => Promise.reject(new Error('away')));
  const found = await exported(metrics);
  expect(found.map(({ name }) => name)).toEqual(['authctl_test_up']);
  expect(found[0]!.gauge!.dataPoints[0]!.asDouble).toBe(3);
});
