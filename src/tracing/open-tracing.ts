import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Facts, Tracer } from '../lib/tracer.ts';
import { createTracer } from './create-tracer.ts';
import { createOtlpSender, NotDelivered } from './otlp-sender.ts';
import { createSpanQueue } from './span-queue.ts';

export interface TracingOptions {
  /** The collector's base address. */
  readonly endpoint: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers: Readonly<Record<string, string>>;
  /** Which part of all traces is kept, from 0 to 1. */
  readonly sample: number;
  readonly version: string;
  /** What this process is, in OpenTelemetry's words for resources. */
  readonly resource: Facts;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Tracing {
  readonly tracer: Tracer;
  /** Sends what is left, for two seconds at most. */
  close(): Promise<void>;
}

/** Names and values of a span are ours and short; whatever slipped in would be cut. */
const LONGEST_VALUE = 256;

/**
 * Traces into a collector. Nothing is registered globally, so that no library traces by itself: what
 * is in a span, we put there.
 */
export function openTracing(options: TracingOptions): Tracing {
  const { clock, log, version } = options;
  const isJson = options.protocol === 'http/json';
  const serializer = isJson ? JsonTraceSerializer : ProtobufTraceSerializer;
  const sendExport = createOtlpSender({
    endpoint: options.endpoint,
    headers: options.headers,
    mediaType: isJson ? 'application/json' : 'application/x-protobuf',
    userAgent: `authctl/${version}`,
  });

  async function send(spans: ReadableSpan[], signal: AbortSignal): Promise<void> {
    const body = serializer.serializeRequest(spans);
    if (!body) throw new NotDelivered('they cannot be encoded', false);
    await sendExport(new Uint8Array(body), signal);
  }

  const provider = new TracerProvider({
    resource: resourceFromAttributes(options.resource),
    sampler: samplerOf(options.sample),
    spanLimits: { attributeValueLengthLimit: LONGEST_VALUE },
    spanProcessors: [createSpanQueue({ send, clock, log })],
  });
  return {
    tracer: createTracer(provider.getTracer('authctl', version)),
    close: () => provider.shutdown(),
  };
}

/** A caller's own decision counts for nothing: it could switch tracing on for all of its requests. */
function samplerOf(ratio: number): Sampler {
  const root = new TraceIdRatioBasedSampler(ratio);
  return new ParentBasedSampler({ root, remoteParentSampled: root, remoteParentNotSampled: root });
}
