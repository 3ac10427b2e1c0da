import { AsyncLocalStorage } from 'node:async_hooks';
import {
  trace as contexts,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  SpanStatusCode,
  type Span as Traced,
} from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';
import { AppError } from '../errors.ts';
import { NO_SPAN, type Span, type TraceOptions, type Tracer } from '../lib/tracer.ts';

/** What the work under way belongs to. */
class Spot {
  readonly span: Traced;
  /** Shared by all steps of a trace. */
  readonly trace: { isOver: boolean };

  constructor(span: Traced, trace: { isOver: boolean }) {
    this.span = span;
    this.trace = trace;
  }
}

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;
/** Links of a step that many callers share: those of a large batch would outweigh it. */
const MOST_LINKS = 128;

/**
 * Makes spans, and remembers across every `await` which one is under way. What a request started and
 * left behind, such as a timer that is armed again and again, belongs to its trace only until it is
 * answered.
 */
export function createTracer(otel: OtelTracer): Tracer {
  const current = new AsyncLocalStorage<Spot | null>();

  function here(): Spot | null {
    const spot = current.getStore();
    return spot && !spot.trace.isOver ? spot : null;
  }

  async function run<T>(spot: Spot, work: (span: Span) => Promise<T>): Promise<T> {
    const span = writable(spot.span);
    try {
      return await current.run(spot, work, span);
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      spot.span.end();
    }
  }

  function runStep<T>(
    parent: Spot,
    name: string,
    options: SpanOptions,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const context = contexts.setSpan(ROOT_CONTEXT, parent.span);
    return run(new Spot(otel.startSpan(name, options, context), parent.trace), work);
  }

  return {
    async trace(name, options, work) {
      const caller = options.caller && parseTraceParent(options.caller.traceparent);
      const isPart = options.caller?.isTrusted === true;
      const links = caller && !isPart ? [{ context: caller }] : [];
      const span = otel.startSpan(
        name,
        { ...toSpanOptions(options), links },
        caller && isPart
          ? contexts.setSpanContext(ROOT_CONTEXT, { ...caller, isRemote: true })
          : ROOT_CONTEXT,
      );
      if (!span.isRecording()) return current.run(null, work, NO_SPAN);
      const trace = { isOver: false };
      try {
        return await run(new Spot(span, trace), work);
      } finally {
        trace.isOver = true;
      }
    },
    step(name, options, work) {
      const parent = here();
      return parent ? runStep(parent, name, toSpanOptions(options), work) : work(NO_SPAN);
    },
    place: here,
    shared(name, callers, work) {
      const [first, ...others] = callers.map(({ place }) => place).filter(isUnderWay);
      // Not as a step of whoever happened to set it off.
      if (!first) return current.run(null, work);
      const links = others.slice(0, MOST_LINKS).map(toLink);
      const attributes = { 'authctl.callers': callers.length };
      return runStep(first, name, { attributes, links }, work);
    },
  };
}

/** The span at a place in a trace, for what is told beside it. */
export function spanContextOf(place: object | null): SpanContext | undefined {
  return isUnderWay(place) ? place.span.spanContext() : undefined;
}

function isUnderWay(place: object | null): place is Spot {
  return place instanceof Spot && !place.trace.isOver;
}

function toLink({ span }: Spot): { context: SpanContext } {
  return { context: span.spanContext() };
}

function toSpanOptions({ kind, facts }: TraceOptions): SpanOptions {
  return {
    kind: kind ? KINDS[kind] : SpanKind.INTERNAL,
    ...(facts && { attributes: facts }),
  };
}

function writable(span: Traced): Span {
  return {
    rename: (name) => span.updateName(name),
    note: (facts) => span.setAttributes(facts),
    fail(error) {
      span.setAttribute('error.type', typeOf(error));
      // Refusing what is not allowed is work that was done well.
      const isRefusal = error instanceof AppError && error.status < 500;
      if (!isRefusal) span.setStatus({ code: SpanStatusCode.ERROR });
    },
  };
}

const PLAIN_WORD = /^\w{1,64}$/;

/** Our code, a SQLSTATE, a system's code, or a class: never a message. */
function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const code: unknown = Reflect.get(error, 'code');
  if (typeof code === 'string' && PLAIN_WORD.test(code)) return code;
  return PLAIN_WORD.test(error.name) ? error.name : 'Error';
}
