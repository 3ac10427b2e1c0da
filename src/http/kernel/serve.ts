import { randomInt } from '../../crypto/random.ts';
import { AppError, fieldError } from '../../errors.ts';
import type { Guardian } from '../guardian.ts';
import { bearerToken } from './bearer.ts';
import type { HttpContext } from './exchange.ts';
import { hasContent, NO_BODY, readJsonBody } from './json-body.ts';
import { limitRate } from './limit-rate.ts';
import { readQuery } from './query.ts';
import type { Respond } from './respond.ts';
import type { Client, Route } from './route.ts';
import { checkStrings, type JsonObject } from './strict-json.ts';
import type { InTimeBucket } from './time-buckets.ts';

/** Turns a presented token into whoever holds it. @throws AppError `invalid_token`, `forbidden` */
export interface Authenticate {
  bearer(presentedToken: string, client: Client): Promise<unknown>;
  /** @param scope what the route needs; undefined where any operator may */
  operator(presentedToken: string, scope: string | undefined, client: Client): Promise<unknown>;
}

export interface ServeDeps<Services> {
  readonly services: Services;
  readonly authenticate: Authenticate;
  /** null: limits are off, or the listener is not public. */
  readonly guardian: Guardian | null;
  /** Whether this process has more to do than it can, so that all it takes on comes too late. */
  readonly isLate: () => boolean;
  readonly inTimeBucket: InTimeBucket;
  readonly respond: Respond;
}

/** Runs one route on one request. */
export type Serve<Services> = (
  ctx: HttpContext,
  route: Route<Services>,
  params: Readonly<Record<string, string>>,
) => Promise<void>;

/** Nobody who is shed is sent away for longer. */
const MOST_REST_SECONDS = 5;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * The order in which every route is served: limits, who asks, what is asked, do it, answer. A
 * stranger without a token learns nothing about parameters, and nothing is read from a client that
 * is over its limit.
 */
export function createServe<Services>(deps: ServeDeps<Services>): Serve<Services> {
  const { services, authenticate, guardian, isLate, inTimeBucket, respond } = deps;

  async function callerOf(ctx: HttpContext, route: Route<Services>): Promise<unknown> {
    if (route.auth === 'none') return null;
    const token = bearerToken(ctx.req.headers.authorization);
    const { client } = ctx.state;
    return route.auth === 'bearer'
      ? authenticate.bearer(token, client)
      : authenticate.operator(token, route.scope, client);
  }

  return async (ctx, route, params) => {
    ctx.state.route = route.name;
    if (!route.unlimited) {
      if (isLate()) throw shed();
      if (guardian) limitRate(ctx, guardian, route.hashing === true);
    }
    const principal = await callerOf(ctx, route);

    // A malformed id names nothing, like one that was never given out.
    if (!route.checkParams(params)) throw new AppError('not_found');
    const query = queryOf(ctx, route);
    const idempotencyKey = route.idempotent ? idempotencyKeyOf(ctx) : null;
    const body = await bodyOf(ctx, route, services);

    const input = {
      body,
      params,
      query,
      principal,
      client: ctx.state.client,
      idempotencyKey,
      headers: ctx.req.headers,
    };
    // After the body: a slow sender's time is no part of the work's.
    const result = await inTimeBucket(route, () => route.handler(input, services));
    respond(ctx, route, result);
  };
}

/** A refusal with a time of its own to come back, or all who are refused now would come back at once. */
function shed(): AppError {
  return new AppError('overloaded', { retryAfterSeconds: randomInt(1, MOST_REST_SECONDS + 1) });
}

/** @throws AppError `validation_failed` with pointers under `/query` */
function queryOf(ctx: HttpContext, route: Route<never>): unknown {
  if (route.anyQuery || (ctx.querystring === '' && !route.query)) return undefined;
  const query = readQuery(ctx.query, route.query);
  checkStrings(query, '/query');
  route.validateQuery(query);
  return query;
}

async function bodyOf<Services>(
  ctx: HttpContext,
  route: Route<Services>,
  services: Services,
): Promise<JsonObject> {
  if (route.method === 'get') {
    // RFC 9110 §9.3.1: content in a GET means nothing, and is how requests are smuggled.
    if (hasContent(ctx.req))
      throw new AppError('malformed_json', { text: 'This method takes no body.' });
    return NO_BODY;
  }
  const body = await readJsonBody(ctx.req, route.body !== undefined);
  route.validateBody(body, () => route.findMissing?.(body, services) ?? []);
  return body;
}

function idempotencyKeyOf(ctx: HttpContext): string | null {
  const key = ctx.req.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  throw fieldError(
    '/header/idempotency-key',
    'bad_format',
    'Must be 1 to 255 visible ASCII characters.',
  );
}
