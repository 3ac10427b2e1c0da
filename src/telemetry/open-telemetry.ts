import { millisToHrTime } from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Facts, Tracer } from '../lib/tracer.ts';
import { spanContextOf } from './create-tracer.ts';
import { createExportQueue } from './export-queue.ts';
import { type CollectorOptions, createExport } from './exporter.ts';
import { openTraces } from './open-traces.ts';
import { repeatExport } from './repeat-export.ts';
import { toLogRecord } from './to-log-record.ts';
import { type Measured, toMetricData } from './to-metric-data.ts';

export interface TelemetryOptions extends CollectorOptions {
  /** What this process is, in OpenTelemetry's words for resources. */
  readonly resource: Facts;
  readonly clock: Clock;
  readonly log: Logger;
}

export type Telemetry = ReturnType<typeof openTelemetry>;

/** What a process tells a collector, each signal where it is asked for. */
export function openTelemetry(options: TelemetryOptions) {
  const { clock, log, version } = options;
  const resource = resourceFromAttributes(options.resource);
  const scope = { name: 'authctl', version };

  return {
    /** @param sample which part of all traces is kept, from 0 to 1 */
    traces(sample: number): { tracer: Tracer; close(): Promise<void> } {
      const queue = createExportQueue<ReadableSpan>({
        what: 'spans',
        send: createExport('traces', options),
        clock,
        log,
      });
      return { tracer: openTraces({ sample, version, resource, queue }), close: queue.close };
    },

    /** @param tracer in whose traces the lines are written */
    logs(tracer: Tracer | undefined): { add(line: string): void; close(): Promise<void> } {
      const queue = createExportQueue<ReadableLogRecord>({
        what: 'log lines',
        send: createExport('logs', options),
        clock,
        log,
      });
      return {
        add(line) {
          const span = spanContextOf(tracer?.place() ?? null);
          const observedMs = clock.now().getTime();
          queue.add(toLogRecord(line, { resource, scope, span, observedMs }));
        },
        close: queue.close,
      };
    },

    metrics(collect: () => Promise<readonly Measured[]>, intervalMs: number) {
      const send = createExport('metrics', options);
      const now = () => millisToHrTime(clock.now().getTime());
      const startTime = now();
      return repeatExport({
        what: 'metrics',
        async send(signal) {
          const measured = await collect();
          const metrics = toMetricData(measured, { startTime, endTime: now() });
          await send({ resource, scopeMetrics: [{ scope, metrics }] }, signal);
        },
        intervalMs,
        clock,
        log,
      });
    },
  };
}
