/**
 * What a span may say: words of ours, counts, ids. Spans leave the house, so nothing that anybody
 * typed or was sent stands in one: no body, query or path, no address, no token.
 */
export type Facts = Readonly<Record<string, string | number | boolean>>;

/** A piece of work while it is traced. */
export interface Span {
  /** Names it anew, when more is known. */
  rename(name: string): void;
  note(facts: Facts): void;
  /** Says why it did not work: by the error's code or class, for messages quote values. */
  fail(error: unknown): void;
}

/** Somebody's place in a trace, for work that is done for several callers at once. */
export type Place = object;

export interface TraceOptions {
  /** `server`: it answers a request; `client`: it asks another program. */
  readonly kind?: 'server' | 'client';
  readonly facts?: Facts;
}

/** Who asked for something from outside, in their own trace. */
export interface Caller {
  /** The W3C header as it came. */
  readonly traceparent: string;
  /** Whether our trace may be a part of theirs. One that is not trusted is linked to. */
  readonly isTrusted: boolean;
}

/** Measures what is done and for whom; `work` gives its result, or throws, as if it were not there. */
export interface Tracer {
  /** Begins a trace, unless the sampling leaves this one out. */
  trace<T>(
    name: string,
    options: TraceOptions & { readonly caller?: Caller | undefined },
    work: (span: Span) => Promise<T>,
  ): Promise<T>;
  /** Adds a step to the trace that is under way; where there is none, nothing is traced. */
  step<T>(name: string, options: TraceOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** Where the caller stands; null where nothing is traced. */
  place(): Place | null;
  /** A step of the first of its callers that is traced, with links to the others. */
  shared<T>(
    name: string,
    callers: readonly { readonly place: Place | null }[],
    work: () => Promise<T>,
  ): Promise<T>;
}

/** What is handed to work that nobody traces. */
export const NO_SPAN: Span = {
  rename: () => undefined,
  note: () => undefined,
  fail: () => undefined,
};

/** Traces nothing. */
export const NO_TRACER: Tracer = {
  trace: (_name, _options, work) => work(NO_SPAN),
  step: (_name, _options, work) => work(NO_SPAN),
  place: () => null,
  shared: (_name, _callers, work) => work(),
};
