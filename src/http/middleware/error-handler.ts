import Koa from 'koa';
import { AppError, ERRORS, type SpentBudget } from '../../errors.ts';
import { endEarly, mustEndEarly } from '../kernel/end-early.ts';
import type { HttpContext, Middleware } from '../kernel/exchange.ts';
import { PROBLEM_MEDIA_TYPE, type Problem, PUBLIC_CODES, toProblem } from '../kernel/problem.ts';

/** Knows the errors of the libraries below; null where it does not know this one. */
export type ToAppError = (error: unknown) => AppError | null;

/** Seconds after which trying again makes sense, where the error itself does not know. */
const DEFAULT_RETRY_SECONDS = 1;

/**
 * The last resort: whatever is thrown below becomes a problem document, and no request can end the
 * process. What nobody foresaw is a 500 with a fixed sentence; `observe` logs the real error, once.
 *
 * @param toAppError says, for one, that a lost database connection is `unavailable`
 */
export function errorHandler(toAppError: ToAppError): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = identify(thrown, toAppError);
      ctx.state.error = error;
      answer(ctx, toProblem(error, ctx.state.client.requestId), error);
    }
  };
}

function identify(thrown: unknown, toAppError: ToAppError): AppError {
  if (thrown instanceof AppError) return thrown;
  return toAppError(thrown) ?? fromKoa(thrown) ?? new AppError('internal', { cause: thrown });
}

/** Koa and its middleware refuse requests with errors of their own; only the status is passed on. */
function fromKoa(thrown: unknown): AppError | null {
  if (!(thrown instanceof Koa.HttpError) || thrown.status >= 500) return null;
  const code = PUBLIC_CODES.find((candidate) => ERRORS[candidate].http === thrown.status);
  return new AppError(code ?? 'malformed_json', { cause: thrown });
}

function answer(ctx: HttpContext, problem: Problem, error: AppError): void {
  if (ctx.headerSent) return;
  if (problem.status === 429 || problem.status === 503) {
    const seconds = Math.max(1, Math.ceil(error.retryAfterSeconds ?? DEFAULT_RETRY_SECONDS));
    ctx.set('Retry-After', String(seconds));
    if (error.budget) describeSpent(ctx, error.budget, seconds);
  }
  if (problem.status === 401) ctx.set('WWW-Authenticate', challengeFor(ctx, problem));
  ctx.status = problem.status;
  ctx.set('Content-Type', PROBLEM_MEDIA_TYPE);
  const payload = JSON.stringify(problem);
  if (!mustEndEarly(ctx.req)) {
    ctx.body = payload;
    return;
  }
  ctx.respond = false;
  endEarly(ctx.req, ctx.res, payload);
}

/** RFC 9110 §11.6.1: every 401 names a scheme; RFC 6750 §3: and says so where a token was no good. */
function challengeFor(ctx: HttpContext, { code }: Problem): string {
  const isBadToken = code === 'invalid_token' && /^bearer /i.test(ctx.get('Authorization'));
  return isBadToken ? 'Bearer error="invalid_token"' : 'Bearer';
}

/** Instead of the Guardian's fields: a client that is told "no" wants to know by which budget. */
function describeSpent(ctx: HttpContext, budget: SpentBudget, seconds: number): void {
  const { name, limit, windowSeconds } = budget;
  ctx.set('RateLimit-Policy', `"${name}";q=${limit};w=${windowSeconds}`);
  ctx.set('RateLimit', `"${name}";r=0;t=${seconds}`);
}
