import {
  type ISerializer,
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { createOtlpSender, NotDelivered, type Signal } from './otlp-sender.ts';

/** Where a process's exports go, and as whose. */
export interface CollectorOptions {
  /** The collector's base address. */
  readonly endpoint: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  readonly headers: Readonly<Record<string, string>>;
  readonly version: string;
}

/** What an export of a signal is made of. */
export interface Exported {
  readonly traces: readonly ReadableSpan[];
  readonly metrics: ResourceMetrics;
  readonly logs: readonly ReadableLogRecord[];
}

type Serializers = {
  readonly [S in Signal]: Pick<ISerializer<never, unknown>, 'serializeRequest'>;
};

const PROTOBUF: Serializers = {
  traces: ProtobufTraceSerializer,
  metrics: ProtobufMetricsSerializer,
  logs: ProtobufLogsSerializer,
};
const JSON_TEXT: Serializers = {
  traces: JsonTraceSerializer,
  metrics: JsonMetricsSerializer,
  logs: JsonLogsSerializer,
};

/** Sends one export. @throws NotDelivered */
export type Export<S extends Signal> = (what: Exported[S], signal: AbortSignal) => Promise<void>;

/** The way of one signal to the collector, in the encoding it wants. */
export function createExport<S extends Signal>(signal: S, options: CollectorOptions): Export<S> {
  const isJson = options.protocol === 'http/json';
  // Which of them belongs to which signal stands above, where the compiler cannot follow it.
  const serializer = (isJson ? JSON_TEXT : PROTOBUF)[signal] as ISerializer<Exported[S], unknown>;
  const send = createOtlpSender({
    signal,
    endpoint: options.endpoint,
    headers: options.headers,
    mediaType: isJson ? 'application/json' : 'application/x-protobuf',
    userAgent: `authctl/${options.version}`,
  });
  return async (what, abort) => {
    const body = serializer.serializeRequest(what);
    if (!body) throw new NotDelivered('it cannot be encoded', false);
    await send(new Uint8Array(body), abort);
  };
}
