import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';

/** A metric as prom-client tells it in JSON. */
export interface Measured {
  readonly name: string;
  readonly help: string;
  /** `counter`, `gauge` or `histogram`. */
  readonly type: unknown;
  readonly values: readonly MeasuredValue[];
}

interface MeasuredValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  /** Of a histogram: which of its series this belongs to. */
  readonly metricName?: string | undefined;
}

/** When counters began to count, and when they were read. */
export interface Period {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/**
 * Metrics as OpenTelemetry has them, under the same names: counters as monotonic sums, histograms with
 * explicit bounds, all of them cumulative. A gauge that could not be read is left out.
 */
export function toMetricData(measured: readonly Measured[], period: Period): MetricData[] {
  return measured.flatMap((metric) => {
    const data = toData(metric, period);
    return data.dataPoints.length > 0 ? [data] : [];
  });
}

function toData({ name, help, type, values }: Measured, period: Period): MetricData {
  const common = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (type === 'histogram')
    return {
      ...common,
      dataPointType: DataPointType.HISTOGRAM,
      dataPoints: toHistograms(name, values, period),
    };
  const dataPoints = values
    .filter(({ value }) => Number.isFinite(value))
    .map(({ value, labels }) => ({ ...period, attributes: toAttributes(labels), value }));
  if (type === 'counter')
    return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
  return { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
}

/** Prometheus says units in names, OpenTelemetry beside them (UCUM). */
function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's';
  return /_bytes(_total)?$/.test(name) ? 'By' : '';
}

interface Series {
  readonly attributes: Attributes;
  /** Upper bounds with how many values were at most that: ascending, the last is infinite. */
  readonly upTo: [bound: number, count: number][];
  sum: number;
}

function toHistograms(
  name: string,
  values: readonly MeasuredValue[],
  period: Period,
): DataPoint<Histogram>[] {
  const series = new Map<string, Series>();
  for (const { value, labels, metricName } of values) {
    const { le, ...others } = labels;
    const attributes = toAttributes(others);
    const key = JSON.stringify(attributes);
    const one = series.get(key) ?? { attributes, upTo: [], sum: 0 };
    series.set(key, one);
    if (metricName === `${name}_sum`) one.sum = value;
    if (metricName === `${name}_bucket`)
      one.upTo.push([le === '+Inf' ? Infinity : Number(le), value]);
  }
  return [...series.values()].map(({ attributes, upTo, sum }) => ({
    ...period,
    attributes,
    value: {
      buckets: {
        boundaries: upTo.map(([bound]) => bound).filter(Number.isFinite),
        // OpenTelemetry counts each bucket alone, Prometheus with all below it.
        counts: upTo.map(([, count], index) => count - (upTo[index - 1]?.[1] ?? 0)),
      },
      count: upTo.at(-1)?.[1] ?? 0,
      sum,
    },
  }));
}

function toAttributes(labels: MeasuredValue['labels']): Attributes {
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, String(value)]));
}
