import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from 'prom-client';
import { withDeadline } from '../lib/deadline.ts';
import type { ObserveRequest } from './middleware/observe.ts';

/**
 * One process's metrics, all with one prefix:
 *
 * - gauges that the parts of the process add with `gauge()`, read only when somebody scrapes
 * - what prom-client knows of Node itself: garbage collection, memory
 */
export interface ProcessMetrics {
  /**
   * Adds a gauge; `read` runs at each scrape, and one that fails or hangs reads NaN.
   * @param across what several processes' values make together
   */
  gauge(
    name: string,
    help: string,
    read: () => number | Promise<number>,
    across?: 'sum' | 'max' | 'first',
  ): void;
  /** Adds what does not change, as a gauge of 1 with labels. */
  info(name: string, help: string, labels: Readonly<Record<string, string>>): void;
  /** Adds a counter that only grows. */
  counter(name: string, help: string): { add(count?: number): void };
  /** Adds a counter of what something else counts from the start of the process; `read` at each scrape. */
  counted(name: string, help: string, read: () => number): void;
  /** Adds a histogram over the given upper bounds. */
  histogram(
    name: string,
    help: string,
    bounds: readonly number[],
  ): { observe(value: number): void };
  /** The values of this process, for the one that is scraped. */
  collect(): Promise<CollectedMetrics>;
  /** The text a scrape reads, and its media type. */
  expose(): Promise<string>;
  readonly mediaType: string;
}

/** An API process's: also `http_requests_total{route,status}`, `http_request_duration_seconds{route}`. */
export interface Metrics extends ProcessMetrics {
  readonly observeRequest: ObserveRequest;
}

/** One process's values, as they pass from process to process. */
export type CollectedMetrics = MetricObjectWithValues<MetricValue<string>>[];

/** Writes several processes' values as those of one. */
export function exposeTogether(processes: readonly CollectedMetrics[]): Promise<string> {
  return AggregatorRegistry.aggregate([...processes]).metrics();
}

const PREFIX = 'authctl_';
/** As rarely as a timer can. */
const NEVER_MS = 2 ** 31 - 1;
/** A gauge that asks the database must not hold up the others while that is away. */
const READ_DEADLINE_MS = 2_000;
/** Seconds. A login is 50 ms of hashing; 30 s is the longest a request may take to arrive. */
const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30];

/** The series of one route, found once: looking labels up costs more than counting. */
interface RouteSeries {
  readonly byStatus: Map<number, { inc(): void }>;
  readonly duration: { observe(seconds: number): void };
}

/** The metrics of an API process, with the prefix `authctl_`. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: `${PREFIX}http_requests_total`,
    help: 'Requests answered, by declared route and status.',
    labelNames: ['route', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: `${PREFIX}http_request_duration_seconds`,
    help: 'Time from the headers of a request to its answer.',
    labelNames: ['route'],
    buckets: LATENCY_BOUNDS,
    registers,
  });
  const series = new Map<string, RouteSeries>();

  function seriesOf(route: string): RouteSeries {
    const known = series.get(route);
    if (known) return known;
    const fresh = { byStatus: new Map(), duration: durations.labels(route) };
    series.set(route, fresh);
    return fresh;
  }

  return {
    observeRequest(route, status, seconds) {
      const { byStatus, duration } = seriesOf(route);
      const counter = byStatus.get(status) ?? requests.labels(route, String(status));
      byStatus.set(status, counter);
      counter.inc();
      duration.observe(seconds);
    },
    ...metricsIn(registry, PREFIX),
  };
}

/** The metrics of a process that is no API. `prefix` keeps them apart from those on the same page. */
export function createProcessMetrics(prefix: string): ProcessMetrics {
  return metricsIn(new Registry(), prefix);
}

function metricsIn(registry: Registry, prefix: string): ProcessMetrics {
  const registers = [registry];
  collectNodeMetrics(registry, prefix);
  return {
    gauge(name, help, read, across = 'sum') {
      new Gauge({
        name: prefix + name,
        help,
        registers,
        aggregator: across,
        async collect() {
          this.set(await readInTime(read));
        },
      });
    },
    info(name, help, labels) {
      new Gauge({
        name: prefix + name,
        help,
        registers,
        labelNames: Object.keys(labels),
        aggregator: 'first',
      }).set({ ...labels }, 1);
    },
    counter(name, help) {
      const counter = new Counter({ name: prefix + name, help, registers });
      return { add: (count = 1) => counter.inc(count) };
    },
    counted(name, help, read) {
      new Counter({
        name: prefix + name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    },
    histogram(name, help, bounds) {
      const histogram = new Histogram({
        name: prefix + name,
        help,
        buckets: [...bounds],
        registers,
      });
      return { observe: (value) => histogram.observe(value) };
    },
    collect: () => registry.getMetricsAsJSON(),
    expose: () => registry.metrics(),
    mediaType: registry.contentType,
  };
}

/** All but the delay of the event loop: measuring that wakes a process a hundred times a second, used or not. */
function collectNodeMetrics(register: Registry, prefix: string): void {
  collectDefaultMetrics({ register, prefix, eventLoopMonitoringPrecision: NEVER_MS });
  const names = register.getMetricsAsArray().map(({ name }) => name);
  for (const name of names.filter((candidate) => candidate.includes('_eventloop_lag_')))
    register.removeSingleMetric(name);
}

async function readInTime(read: () => number | Promise<number>): Promise<number> {
  try {
    return await withDeadline(Promise.resolve(read()), READ_DEADLINE_MS, () => 'too slow');
  } catch {
    // The part that failed says so itself, in its own metrics and in the log.
    return Number.NaN;
  }
}
