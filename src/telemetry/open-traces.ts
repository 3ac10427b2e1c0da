import type { Resource } from '@opentelemetry/resources';
import {
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Tracer } from '../lib/tracer.ts';
import { createTracer } from './create-tracer.ts';
import type { ExportQueue } from './export-queue.ts';

/** Names and values of a span are ours and short; whatever slipped in would be cut. */
const LONGEST_VALUE = 256;

export interface TracesOptions {
  /** Which part of all traces is kept, from 0 to 1. */
  readonly sample: number;
  readonly version: string;
  readonly resource: Resource;
  readonly queue: ExportQueue<ReadableSpan>;
}

/**
 * Makes spans and queues those that end. Nothing is registered globally, so that no library traces by
 * itself: what is in a span, we put there.
 */
export function openTraces({ sample, version, resource, queue }: TracesOptions): Tracer {
  const provider = new TracerProvider({
    resource,
    sampler: samplerOf(sample),
    spanLimits: { attributeValueLengthLimit: LONGEST_VALUE },
    spanProcessors: [
      {
        onStart: () => undefined,
        onEnd: queue.add,
        forceFlush: async () => undefined,
        shutdown: queue.close,
      },
    ],
  });
  return createTracer(provider.getTracer('authctl', version));
}

/** A caller's own decision counts for nothing: it could switch tracing on for all of its requests. */
function samplerOf(ratio: number): Sampler {
  const root = new TraceIdRatioBasedSampler(ratio);
  return new ParentBasedSampler({ root, remoteParentSampled: root, remoteParentNotSampled: root });
}
