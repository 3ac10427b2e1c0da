import type { HistogramSnapshot } from '../stats/histogram.ts';

/**
 * A load run as plain data: it crosses a process border, so it names its scenario instead of
 * carrying code.
 */
export interface LoadPlan {
  /** `http://` and a loopback address: this is a measuring tool, not one to point at others. */
  readonly url: string;
  readonly scenario: ScenarioPlan;
  /** Keep-alive connections, each with one request in flight at most. */
  readonly connections: number;
  /** No request starts later than this after the first one. */
  readonly durationMs: number;
  /** Left out of throughput and latency, not of the status and error counts. */
  readonly warmupMs?: number;
  /** Stop after this many requests although time is left. */
  readonly maxRequests?: number;
  /**
   * Open loop: requests arrive at this rate whether or not earlier ones were answered, and latency
   * counts from the moment a request was due. Absent means closed loop: a connection sends its next
   * request when it has the answer to the last.
   */
  readonly ratePerSecond?: number;
  /** A request unanswered for this long is an error and its connection is replaced. */
  readonly timeoutMs?: number;
  /** After 429 or 503 a connection rests for as long as `Retry-After` asks, at most for this. Default 0. */
  readonly mostRestMs?: number;
}

export type ScenarioPlan =
  | {
      readonly kind: 'static';
      readonly method: 'GET' | 'POST';
      readonly path: string;
      /** Sent as JSON text. */
      readonly body?: string;
    }
  | {
      readonly kind: 'registration';
      readonly domain: string;
      /** Makes the addresses of this run differ from those of any other: 1 to 16 of `a-z0-9`. */
      readonly runId: string;
      readonly password: string;
      /** The share of requests that repeat an address already acknowledged, 0 to 1. */
      readonly duplicates?: number;
      /** Every address answered 2xx is appended to this file, one a line. */
      readonly journal?: string;
    }
  | { readonly kind: 'login'; readonly emails: readonly string[]; readonly password: string }
  | {
      readonly kind: 'me';
      readonly tokens: readonly string[];
      /** Use every token once and stop, so that no answer can come from a cache of tokens. */
      readonly once?: boolean;
    }
  | {
      readonly kind: 'refresh';
      /** One chain a connection: each answer carries the token of the next request. */
      readonly tokens: readonly string[];
      /** Every access token received is appended to this file, one a line. */
      readonly journal?: string;
    }
  | {
      readonly kind: 'posts';
      readonly path: string;
      /** JSON texts, each sent once. */
      readonly bodies: readonly string[];
      /** This string of every answer that has it is appended to the journal, after the body's number. */
      readonly kept?: { readonly field: string; readonly journal: string };
    }
  | {
      readonly kind: 'flow';
      readonly domain: string;
      readonly runId: string;
      readonly password: string;
    };

/** Requests that got no usable answer, by cause. */
export interface LoadErrors {
  /** The connection could not be opened. No request was sent. */
  readonly connect: number;
  /** The connection broke while a request was in flight: its outcome is unknown. */
  readonly reset: number;
  /** No answer within `timeoutMs`. */
  readonly timeout: number;
  /** An answer this generator could not read as HTTP/1.1 with a content length. */
  readonly malformed: number;
}

/** What happened in one second of the run. */
export interface LoadSecond {
  /** 0 for the first. */
  readonly second: number;
  /** Answers, whatever their status. */
  readonly responses: number;
  /** Answers with 2xx. */
  readonly accepted: number;
  readonly errors: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Everything one run measured. `sent = sum of statuses + reset + timeout + malformed`, always. */
export interface LoadResult {
  readonly mode: 'closed loop' | 'open loop';
  readonly connections: number;
  /** Seconds over which throughput and latency were taken (the run less its warm-up). */
  readonly measuredSeconds: number;
  /** Answers within those seconds. */
  readonly measuredResponses: number;
  /** Answers with 2xx within those seconds. */
  readonly measuredAccepted: number;
  readonly sent: number;
  /** Open loop only: requests that were due but found no free connection before the end. */
  readonly unsent: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: LoadErrors;
  /** Microseconds, by status; the warm-up is not in them. */
  readonly latency: Readonly<Record<string, HistogramSnapshot>>;
  readonly seconds: readonly LoadSecond[];
  /** What the scenario counted, e.g. unique and repeated addresses. */
  readonly counters: Readonly<Record<string, number>>;
  /** Bytes of one request and one answer on the wire, on average. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Share of one core the generator itself used: the server did not have it. */
  readonly generatorCpu: number;
}
