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
  /** While it is busy, one answer in so many is logged at `info`, the others at `debug`. */
  readonly logEvery: number;
}

/** Up to here every answer is logged: what somebody looks into by its request id is found. */
const QUIET_LINES_PER_SECOND = 10;
/** Lines a second about 503 answers, which come in floods; a 500 is always logged. */
const BUSY_LINES_PER_SECOND = 20;
/** Probes and scrapers ask every few seconds and are of no interest while all is well. */
const POLLED = /^GET \/(health|metrics)/;

/**
 * Measures every request and logs it, or a sample while it is busy. A line holds ids, the route's
 * name and the status; never a path or a query, which may hold a token that somebody pasted there.
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

    const level = levelOf(route, status, nowMs);
    if (!log.isLevelEnabled(level)) return;
    const ms = Math.round(nowMs - startMs);
    log[level](
      { request_id: client.requestId, route, status, ms, ip: client.ip, ...describeAnswer(error) },
      'request',
    );
  };
}

type Level = 'error' | 'warn' | 'info' | 'debug';

function createLevelChoice(logEvery: number) {
  const hasBusyLine = createLineBudget(BUSY_LINES_PER_SECOND);
  const hasQuietLine = createLineBudget(QUIET_LINES_PER_SECOND);
  let untilSample = logEvery;

  return (route: string | null, status: number, nowMs: number): Level => {
    if (status >= 500 && status !== 503) return 'error';
    if (status === 503 && hasBusyLine(nowMs)) return 'warn';
    if (route && POLLED.test(route)) return 'debug';
    if (hasQuietLine(nowMs)) return 'info';
    untilSample -= 1;
    if (untilSample > 0) return 'debug';
    untilSample = logEvery;
    return 'info';
  };
}

/** Says yes so many times a second. */
function createLineBudget(perSecond: number): (nowMs: number) => boolean {
  let windowStartMs = Number.NEGATIVE_INFINITY;
  let left = 0;
  return (nowMs) => {
    if (nowMs - windowStartMs >= 1_000) {
      windowStartMs = nowMs;
      left = perSecond;
    }
    left -= 1;
    return left >= 0;
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
