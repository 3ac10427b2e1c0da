import { type AnyValue, SeverityNumber, type SpanContext } from '@opentelemetry/api';
import { type InstrumentationScope, millisToHrTime } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';

export interface LogRecordContext {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  /** Of the trace it was written in. */
  readonly span: SpanContext | undefined;
  readonly observedMs: number;
}

const SEVERITIES: Readonly<Record<string, SeverityNumber>> = {
  trace: SeverityNumber.TRACE,
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
  fatal: SeverityNumber.FATAL,
};

/**
 * A line of the log as OpenTelemetry has it: its `msg` is the body, its other fields the attributes.
 * @param line one JSON object with `level`, `time` (ISO 8601) and `msg`
 */
export function toLogRecord(line: string, context: LogRecordContext): ReadableLogRecord {
  // The logger wrote it.
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, AnyValue>;
  return {
    hrTime: millisToHrTime(Date.parse(String(time))),
    hrTimeObserved: millisToHrTime(context.observedMs),
    severityText: String(level),
    severityNumber: SEVERITIES[String(level)] ?? SeverityNumber.UNSPECIFIED,
    body: msg,
    attributes: fields,
    droppedAttributesCount: 0,
    resource: context.resource,
    instrumentationScope: context.scope,
    ...(context.span && { spanContext: context.span }),
  };
}
