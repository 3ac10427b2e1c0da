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

/** How to treat an export: a status to answer with, or never to answer. */
export type Treatment = number | 'nothing';

export interface Collector {
  /** What `otel.endpoint` is set to. */
  readonly endpoint: string;
  /** Every export as it came. */
  readonly exports: { readonly path: string; headers: IncomingHttpHeaders; body: Buffer }[];
  /** Spans of accepted exports in JSON, in the order they came. */
  readonly spans: CollectedSpan[];
  treat(how: Treatment): void;
  /** Waits for a span. */
  find(what: string, isWanted: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
  close(): Promise<void>;
}

/** An OpenTelemetry collector, as far as traces over HTTP go. */
export async function startCollector(): Promise<Collector> {
  let treatment: Treatment = 200;
  const exports: Collector['exports'] = [];
  const spans: CollectedSpan[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    exports.push({ path: request.url ?? '', headers: request.headers, body });
    if (treatment === 'nothing') return;
    if (treatment === 200 && request.headers['content-type'] === 'application/json')
      spans.push(...readSpans(body));
    response.writeHead(treatment, { 'content-type': 'application/json' }).end('{}');
  });
  const port = await listenOnFreePort(server);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    exports,
    spans,
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

function toObject(pairs: KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}
