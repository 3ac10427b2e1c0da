import type { AppError } from '../../errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { type DescribedError, describeError } from '../../lib/describe-error.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Middleware } from '../kernel/exchange.ts';

/** Counts one answered request; `route` is a declared name or `unmatched`, never a raw path. */
export type ObserveRequest = (route: string, status: number, seconds: number) => void;

interface ObserveDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly observeRequest: ObserveRequest;
  /** One answer in so many is logged at `info`, the others at `debug`. */
  readonly logEvery: number;
}

/** Lines a second about 503 answers, which come in floods; a 500 is always logged. */
const MAX_BUSY_LINES_PER_SECOND = 20;

/**
 * Measures every request and logs a sample. A line holds ids, the route's name and the status; never
 * a path or a query, which may hold a token that somebody pasted there.
 */
export function observe({ clock, log, observeRequest, logEvery }: ObserveDeps): Middleware {
  const levelOf = createLevelChoice(logEvery);
  return async (ctx, next) => {
    const startMs = clock.monotonicMs();
    await next();
    const nowMs = clock.monotonicMs();
    const { client, route, error } = ctx.state;
    const status = ctx.res.statusCode;
    observeRequest(route ?? 'unmatched', status, (nowMs - startMs) / 1_000);

    const level = levelOf(status, nowMs);
    if (!log.isLevelEnabled(level)) return;
    const ms = Math.round(nowMs - startMs);
    log[level](
      { request_id: client.requestId, route, status, ms, ip: client.ip, ...describeAnswer(error) },
      'request',
    );
  };
}

type Level = 'error' | 'warn' | 'info' | 'debug';

function createLevelChoice(logEvery: number): (status: number, nowMs: number) => Level {
  let untilSample = 1;
  let windowStartMs = 0;
  let busyLines = 0;

  function isBusyLineDue(nowMs: number): boolean {
    if (nowMs - windowStartMs >= 1_000) {
      windowStartMs = nowMs;
      busyLines = 0;
    }
    busyLines += 1;
    return busyLines <= MAX_BUSY_LINES_PER_SECOND;
  }

  return (status, nowMs) => {
    if (status >= 500 && status !== 503) return 'error';
    if (status === 503 && isBusyLineDue(nowMs)) return 'warn';
    untilSample -= 1;
    if (untilSample > 0) return 'debug';
    untilSample = logEvery;
    return 'info';
  };
}

function describeAnswer(error: AppError | null): Record<string, unknown> | undefined {
  if (!error) return undefined;
  return { code: error.code, ...error.log, fault: describeCause(error) };
}

/** A refusal of the client's own making has no cause worth a line. */
function describeCause(error: AppError): DescribedError | undefined {
  if (error.status < 500) return undefined;
  const fault = error.code === 'internal' ? (error.cause ?? error) : error.cause;
  if (!(fault instanceof Error)) return undefined;
  const { stack, ...description } = describeError(fault);
  return error.status === 500 ? { ...description, stack } : description;
}
