import { commonHeaders, routeHeaders } from './document-headers.ts';
import type { HttpContext } from './exchange.ts';
import { isMedia, type Result, type Route } from './route.ts';
import type { TSchema } from './typebox.ts';
import { createCheck } from './validate.ts';

/** Writes a handler's result as the answer. */
export type Respond = (ctx: HttpContext, route: Route<never>, result: Result) => void;

const JSON_MEDIA_TYPE = 'application/json; charset=utf-8';

/**
 * @param checkAnswers compare each JSON answer, and the headers its handler sets, with what its route
 *   declares, and fail the request where they differ; for tests, where the declaration is to be proved
 */
export function createRespond(checkAnswers: boolean): Respond {
  const checkAnswer = checkAnswers ? createAnswerCheck() : () => undefined;

  return (ctx, route, result) => {
    const { responses, cacheControl, contentSecurityPolicy } = route;
    const declared = responses[result.status];
    if (declared === undefined)
      throw new TypeError(`${route.name}: status ${result.status} is not declared`);

    ctx.status = result.status;
    if (cacheControl) ctx.set('Cache-Control', cacheControl);
    if (contentSecurityPolicy) ctx.set('Content-Security-Policy', contentSecurityPolicy);
    if (result.headers) ctx.set({ ...result.headers });

    if (declared === null) {
      ctx.body = null;
      return;
    }
    if (isMedia(declared)) {
      ctx.set('Content-Type', declared.mediaType);
      ctx.body = result.body;
      return;
    }
    checkAnswer(route, result, declared);
    // Koa is handed text of a known type and length: its own path for objects guesses both.
    ctx.set('Content-Type', JSON_MEDIA_TYPE);
    ctx.body = JSON.stringify(result.body);
  };
}

function createAnswerCheck() {
  const checks = new Map<TSchema, (value: unknown) => boolean>();
  return (route: Route<never>, result: Result, schema: TSchema): void => {
    const check = checks.get(schema) ?? createCheck(schema);
    checks.set(schema, check);
    // What counts is what the client will read: dates have become text by then.
    if (!check(JSON.parse(JSON.stringify(result.body))))
      throw new TypeError(`${route.name}: the ${result.status} answer is not the declared one`);
    const declared = { ...commonHeaders(false, result.status), ...routeHeaders(route) };
    for (const name of Object.keys(result.headers ?? {}))
      if (!Object.hasOwn(declared, name))
        throw new TypeError(`${route.name}: the header ${name} is not declared`);
  };
}
