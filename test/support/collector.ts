import { createServer, type IncomingHttpHeaders } from 'node:http';
import { eventually } from './eventually.ts';
import { listenOnFreePort } from './listen-on-free-port.ts';

/** A span as OTLP says it in JSON, its attributes and its process's as plain objects. */
export interface CollectedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly hasFailed: boolean;
}

/** A metric as OTLP says it in JSON, with its process's attributes. */
export interface CollectedMetric {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly CollectedPoint[];
  readonly kind: 'sum' | 'gauge' | 'histogram';
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface CollectedPoint {
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Of a histogram: how many values. */
  readonly value: number;
}

/** A line of the log as OTLP says it in JSON. */
export interface CollectedLine {
  readonly severity: string;
  readonly body: unknown;
  readonly traceId: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** How to treat an export: a status to answer with, or never to answer. */
export type Treatment = number | 'nothing';

export interface Collector {
  /** What `otel.endpoint` is set to. */
  readonly endpoint: string;
  /** Every export as it came. */
  readonly exports: { readonly path: string; headers: IncomingHttpHeaders; body: Buffer }[];
  /** Spans of accepted exports in JSON, in the order they came. */
  readonly spans: CollectedSpan[];
  /** The same of metrics and lines. */
  readonly metrics: CollectedMetric[];
  readonly lines: CollectedLine[];
  treat(how: Treatment): void;
  /** Waits for a span. */
  find(what: string, isWanted: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
  close(): Promise<void>;
}

/** An OpenTelemetry collector over HTTP. */
export async function startCollector(): Promise<Collector> {
  let treatment: Treatment = 200;
  const exports: Collector['exports'] = [];
  const spans: CollectedSpan[] = [];
  const metrics: CollectedMetric[] = [];
  const lines: CollectedLine[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    exports.push({ path: request.url ?? '', headers: request.headers, body });
    if (treatment === 'nothing') return;
    if (treatment === 200 && request.headers['content-type'] === 'application/json') {
      if (request.url === '/v1/traces') spans.push(...readSpans(body));
      if (request.url === '/v1/metrics') metrics.push(...readMetrics(body));
      if (request.url === '/v1/logs') lines.push(...readLines(body));
    }
    response.writeHead(treatment, { 'content-type': 'application/json' }).end('{}');
  });
  const port = await listenOnFreePort(server);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    exports,
    spans,
    metrics,
    lines,
    treat(how) {
      treatment = how;
    },
    async find(what, isWanted) {
      await eventually(`a span arrives: ${what}`, () => spans.some(isWanted), 30_000);
      return spans.find(isWanted)!;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface OtlpSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes?: KeyValue[];
  readonly links?: { traceId: string; spanId: string }[];
  readonly status?: { code?: number };
}

interface OtlpExport {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: KeyValue[] };
    readonly scopeSpans: { readonly spans: OtlpSpan[] }[];
  }[];
}

function readSpans(body: Buffer): CollectedSpan[] {
  const { resourceSpans }: OtlpExport = JSON.parse(body.toString());
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map((span) => ({
        name: span.name,
        kind: span.kind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId,
        links: span.links ?? [],
        attributes: toObject(span.attributes ?? []),
        resource: toObject(resource.attributes),
        hasFailed: span.status?.code === 2,
      })),
  );
}

interface OtlpPoint {
  readonly attributes?: KeyValue[];
  readonly asDouble?: number;
  readonly asInt?: number;
  readonly count?: number;
}

interface OtlpMetric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly dataPoints: OtlpPoint[] };
  readonly gauge?: { readonly dataPoints: OtlpPoint[] };
  readonly histogram?: { readonly dataPoints: OtlpPoint[] };
}

interface OtlpMetrics {
  readonly resourceMetrics: {
    readonly resource: { readonly attributes: KeyValue[] };
    readonly scopeMetrics: { readonly metrics: OtlpMetric[] }[];
  }[];
}

/** The metrics of one export in JSON. */
export function readMetrics(body: Buffer): CollectedMetric[] {
  const { resourceMetrics }: OtlpMetrics = JSON.parse(body.toString());
  return resourceMetrics.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics
      .flatMap(({ metrics }) => metrics)
      .map((metric) => {
        const kind = metric.sum ? 'sum' : metric.gauge ? 'gauge' : 'histogram';
        return {
          name: metric.name,
          unit: metric.unit,
          kind,
          points: metric[kind]!.dataPoints.map((point) => ({
            attributes: toObject(point.attributes ?? []),
            value: Number(point.asDouble ?? point.asInt ?? point.count),
          })),
          resource: toObject(resource.attributes),
        } as const;
      }),
  );
}

interface OtlpLine {
  readonly severityText: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly traceId?: string;
  readonly attributes?: KeyValue[];
}

interface OtlpLogs {
  readonly resourceLogs: {
    readonly resource: { readonly attributes: KeyValue[] };
    readonly scopeLogs: { readonly logRecords: OtlpLine[] }[];
  }[];
}

function readLines(body: Buffer): CollectedLine[] {
  const { resourceLogs }: OtlpLogs = JSON.parse(body.toString());
  return resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs
      .flatMap(({ logRecords }) => logRecords)
      .map((line) => ({
        severity: line.severityText,
        body: Object.values(line.body)[0],
        traceId: line.traceId,
        attributes: toObject(line.attributes ?? []),
        resource: toObject(resource.attributes),
      })),
  );
}

function toObject(pairs: KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}
