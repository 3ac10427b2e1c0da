import { hostname } from 'node:os';
import type { Config } from '../../config/index.ts';
import { uuidv7 } from '../crypto/random.ts';
import type { ProcessMetrics } from '../http/metrics.ts';
import type { Clock } from '../lib/clock.ts';
import { parseHeaderList } from '../lib/header-list.ts';
import type { Scope } from '../lib/lifecycle.ts';
import { copyLines, type Logger } from '../lib/logger.ts';
import type { Tracer } from '../lib/tracer.ts';
import type { Signal } from '../telemetry/otlp-sender.ts';
import { programVersion } from './version.ts';

export interface OpenTelemetryOptions {
  readonly config: Config;
  readonly scope: Scope;
  readonly log: Logger;
  readonly clock: Clock;
  readonly role: 'api' | 'worker' | 'cli';
}

/** What a process tells the collector. */
export interface Telemetry {
  /** Where requests are traced. */
  readonly tracer: Tracer | undefined;
  /** Sends the metrics, too, until the scope ends, where that is asked for. */
  exportMetrics(metrics: ProcessMetrics, scope: Scope): void;
}

const NONE: Telemetry = { tracer: undefined, exportMetrics: () => undefined };

/**
 * Opens the way to the collector, where one is configured, and not for short commands. Only then is
 * OpenTelemetry loaded: it costs a process some 25 MiB.
 */
export async function openTelemetry(options: OpenTelemetryOptions): Promise<Telemetry> {
  const { config, scope, log, clock, role } = options;
  const { endpoint, protocol, serviceName } = config.otel;
  const signals = sentSignals(config);
  if (!endpoint || signals.length === 0 || role === 'cli') return NONE;
  const opener = await import('../telemetry/open-telemetry.ts');
  const version = programVersion();
  const collector = opener.openTelemetry({
    endpoint,
    protocol,
    headers: otelHeaders(config),
    version,
    resource: {
      'service.name': serviceName,
      'service.version': version,
      'service.instance.id': uuidv7(clock.now().getTime()),
      'host.name': hostname(),
      'process.pid': process.pid,
      'authctl.role': role,
    },
    clock,
    log,
  });
  const traces = signals.includes('traces') ? collector.traces(config.otel.sample) : undefined;
  const logs = signals.includes('logs') ? collector.logs(traces?.tracer) : undefined;
  if (logs) copyLines(log, logs.add);
  // Together: a collector that is silent costs a stop two seconds, not two for each.
  scope.defer('traces and logs', async () => {
    await Promise.all([traces?.close(), logs?.close()]);
  });
  return {
    tracer: traces?.tracer,
    exportMetrics(metrics, within) {
      if (!signals.includes('metrics')) return;
      const exporting = collector.metrics(metrics.collect, config.otel.metricsIntervalMs);
      within.own('metrics export', exporting, (opened) => opened.close());
    },
  };
}

/** What is sent to the collector, if there is one. */
export function sentSignals({ otel }: Config): Signal[] {
  return (['traces', 'metrics', 'logs'] as const).filter((signal) => otel[signal] === 'otlp');
}

/** The collector's headers; the setting was checked when it was read. */
export function otelHeaders({ otel }: Config): Record<string, string> {
  return parseHeaderList(otel.headers?.reveal() ?? '') ?? {};
}
