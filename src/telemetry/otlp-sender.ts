/** What OpenTelemetry tells apart: how requests went, how much there was of what, what was said. */
export type Signal = 'traces' | 'metrics' | 'logs';

export interface OtlpSenderOptions {
  readonly signal: Signal;
  /** The collector's base address: `http://127.0.0.1:4318`. */
  readonly endpoint: string;
  /** What it wants to know us by. */
  readonly headers: Readonly<Record<string, string>>;
  readonly mediaType: 'application/x-protobuf' | 'application/json';
  readonly userAgent: string;
}

/** Posts one export. @throws NotDelivered, also when the signal aborts */
export type SendExport = (
  body: string | Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
) => Promise<void>;

/** A collector did not take an export; the message says why in a few words. */
export class NotDelivered extends Error {
  /** Whether the same export may be taken later. */
  readonly isPassing: boolean;

  constructor(message: string, isPassing: boolean) {
    super(message);
    this.name = 'NotDelivered';
    this.isPassing = isPassing;
  }
}

/** Exports of nothing: what is sent to see whether a collector takes a signal. */
export const EMPTY_EXPORTS = {
  mediaType: 'application/json',
  bodies: {
    traces: '{"resourceSpans":[]}',
    metrics: '{"resourceMetrics":[]}',
    logs: '{"resourceLogs":[]}',
  },
} as const;

/** Answers that mean "later" (OTLP specification, section "Retryable Response Codes"). */
const PASSING = new Set([429, 502, 503, 504]);

/** The way of one signal to a collector: OTLP over HTTP. */
export function createOtlpSender(options: OtlpSenderOptions): SendExport {
  const url = `${options.endpoint}/v1/${options.signal}`;
  const headers = {
    ...options.headers,
    'content-type': options.mediaType,
    'user-agent': options.userAgent,
  };

  return async (body, signal) => {
    const response = await post(url, { method: 'POST', headers, body, signal });
    // An answer says at most what it did not want; cutting it off costs its connection.
    await response.body?.cancel().catch(() => undefined);
    if (!response.ok)
      throw new NotDelivered(`HTTP ${response.status}`, PASSING.has(response.status));
  };
}

async function post(url: string, request: RequestInit): Promise<Response> {
  try {
    // Following would carry our headers, which may be a key, to wherever the answer says.
    return await fetch(url, { ...request, redirect: 'manual' });
  } catch (error) {
    throw new NotDelivered(reasonOf(error), true);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the request failed';
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'no answer in time';
  const cause: unknown = error.cause;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'the request failed';
}
