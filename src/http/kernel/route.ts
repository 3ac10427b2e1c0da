import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { ErrorCode, FieldError } from '../../errors.ts';
import type { ClientAddress } from '../client.ts';
import type { JsonObject } from './strict-json.ts';
import type { Static, TObject, TSchema } from './typebox.ts';
import { createCheck, createValidate, type Validate } from './validate.ts';

/** What the application plugs into the kernel: what handlers are given, and who may call. */
export interface RouteTypes {
  readonly services: unknown;
  /** Who a `bearer` route's caller is. */
  readonly bearer: unknown;
  /** Who an `operator` route's caller is. */
  readonly operator: unknown;
}

export type Auth = 'none' | 'bearer' | 'operator';
export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete' | 'options';

/** An answer that is not JSON: a page, metrics, a profile. */
export interface MediaContent {
  readonly mediaType: string;
}

/** Who sent a request; for limits, sessions and the audit. */
export interface Client extends ClientAddress {
  /** At most 256 characters of the header; null where there is none. */
  readonly userAgent: string | null;
  readonly requestId: string;
}

/** Schemas of the answers by status; null: no body. */
export type Responses = Readonly<Record<number, TSchema | MediaContent | null>>;
type ResponseHeaders = Readonly<Record<string, string>>;

/** What a handler may return: one of the declared statuses with that status's body. */
export type ResultOf<R extends Responses> = {
  [S in keyof R & number]: R[S] extends null
    ? { readonly status: S; readonly headers?: ResponseHeaders }
    : {
        readonly status: S;
        readonly body: R[S] extends MediaContent
          ? string | Buffer | Readable
          : Static<R[S] & TSchema>;
        readonly headers?: ResponseHeaders;
      };
}[keyof R & number];

/** A result with its types forgotten, as the kernel handles it. */
export interface Result {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: ResponseHeaders;
}

/** Who the handler is told calls: nobody, or what `authenticate` found. */
type CallerOf<A extends Auth, T extends RouteTypes> = A extends 'none'
  ? null
  : T[Extract<A, keyof T>];
type StaticOf<S> = S extends TSchema ? Static<S> : undefined;

export interface Input<Body = unknown, Params = unknown, Query = unknown, Caller = unknown> {
  readonly body: Body;
  readonly params: Params;
  readonly query: Query;
  readonly principal: Caller;
  readonly client: Client;
  /** The checked `Idempotency-Key`; null where none was sent or the route is not `idempotent`. */
  readonly idempotencyKey: string | null;
  readonly headers: IncomingHttpHeaders;
}

interface RouteFacts {
  readonly method: Method;
  /** Parameters stand in braces, as in OpenAPI: `/v1/me/sessions/{id}`. */
  readonly path: `/${string}`;
  /** What generated clients call it (`operationId`); of method and path where it has no name. */
  readonly operation?: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  /** The scope an operator's token needs. */
  readonly scope?: string;
  /** Codes the handler may throw; the kernel's own are added by themselves. */
  readonly errors?: readonly ErrorCode[];
  /** Runs a password hash: the Guardian's lower bucket. */
  readonly hashing?: boolean;
  /** Statuses whose answers must not tell by their time whom they are about (`time-buckets.ts`). */
  readonly bucketed?: readonly number[];
  /** Not counted by the Guardian: health checks. */
  readonly unlimited?: boolean;
  /**
   * Lets any query string through and looks at none of it: for a caller that repeats another's URL, or
   * a probe that adds something of its own to ours.
   */
  readonly anyQuery?: boolean;
  /** Reads `Idempotency-Key`. */
  readonly idempotent?: boolean;
  /** Documents `If-Match`; the handler reads it from `headers`. */
  readonly conditional?: boolean;
  /** Documents the `ETag` of its answers, which an `If-Match` takes; the handler sets it. */
  readonly versioned?: boolean;
  /** Documents further headers of its answers: what each name holds; the handler sets them. */
  readonly answerHeaders?: Readonly<Record<string, string>>;
  /** Instead of `no-store`. */
  readonly cacheControl?: string;
  /** Instead of `default-src 'none'`: for the one page we serve. */
  readonly contentSecurityPolicy?: string;
}

export interface RouteSpec<
  T extends RouteTypes,
  A extends Auth,
  B extends TObject | undefined,
  P extends TObject | undefined,
  Q extends TObject | undefined,
  R extends Responses,
> extends RouteFacts {
  readonly auth: A;
  readonly body?: B;
  readonly params?: P;
  readonly query?: Q;
  readonly responses: R;
  /** A body that works, for the document. */
  readonly example?: StaticOf<B>;
  /**
   * Fields that the configuration asks for and the schema cannot: named beside those that it misses, so
   * that a client learns all at once. Where the schema is content, the service refuses them itself.
   */
  findMissing?(body: JsonObject, services: T['services']): readonly FieldError[];
  /**
   * Does the work and says what to answer. A literal inside of an answer's body needs `as const`
   * where it is written right here; a value that already has its type does not.
   */
  handler(
    input: Input<StaticOf<B>, StaticOf<P>, StaticOf<Q>, CallerOf<A, T>>,
    services: T['services'],
  ): ResultOf<NoInfer<R>> | Promise<ResultOf<NoInfer<R>>>;
}

/** A declared route, its schemas compiled. */
export interface Route<Services = unknown> extends RouteFacts {
  /** `POST /v1/login`: its label in metrics and logs. */
  readonly name: string;
  readonly auth: Auth;
  readonly body: TObject | undefined;
  readonly params: TObject | undefined;
  readonly query: TObject | undefined;
  readonly responses: Responses;
  readonly example: unknown;
  readonly validateBody: Validate;
  readonly validateQuery: Validate;
  readonly checkParams: (value: unknown) => boolean;
  findMissing?(body: JsonObject, services: Services): readonly FieldError[];
  handler(input: Input, services: Services): Result | Promise<Result>;
}

/** The empty body of a route that declares none: `{}` passes, a field does not. */
const NO_FIELDS = { type: 'object', properties: {}, additionalProperties: false };

/**
 * Makes the function that declares routes for one application: it compiles the schemas, and gives
 * the handler their types.
 *
 * @example
 * const route = routeFor<{ services: Services; bearer: Principal; operator: Operator }>();
 *
 * export const refresh = route({
 *   method: 'post',
 *   path: '/v1/token/refresh',
 *   summary: 'Exchange a refresh token for new tokens',
 *   tags: ['sessions'],
 *   auth: 'none',
 *   body: strictObject({ refresh_token: Type.String({ maxLength: 200 }) }),
 *   responses: { 200: TokensAnswer },
 *   errors: ['invalid_refresh_token'],
 *   handler: async ({ body, client }, { refresh }) => ({
 *     status: 200,
 *     body: { tokens: await refresh(body.refresh_token, client) },
 *   }),
 * });
 *
 * @throws TypeError where a declaration contradicts itself: found at start-up, not by a request
 */
export function routeFor<T extends RouteTypes>() {
  return function route<
    const A extends Auth,
    const R extends Responses,
    B extends TObject | undefined = undefined,
    P extends TObject | undefined = undefined,
    Q extends TObject | undefined = undefined,
  >(spec: RouteSpec<T, A, B, P, Q, R>): Route<T['services']> {
    const name = `${spec.method.toUpperCase()} ${spec.path}`;
    checkStrict(spec.body, `${name}: body`);
    checkStrict(spec.query, `${name}: query`);
    if (spec.method === 'get' && spec.body) throw new TypeError(`${name}: a GET takes no body`);
    return {
      ...spec,
      name,
      body: spec.body,
      params: spec.params,
      query: spec.query,
      example: spec.example,
      validateBody: createValidate(spec.body ?? NO_FIELDS),
      validateQuery: createValidate(spec.query ?? NO_FIELDS, '/query'),
      checkParams: spec.params ? createCheck(spec.params) : () => true,
      handler: spec.handler,
    };
  };
}

/** Declares a route whose handler needs neither services nor to know its caller, for any application. */
export const plainRoute = routeFor<RouteTypes>();

/** An answer that is not JSON. */
export function media(mediaType: string): MediaContent {
  return { mediaType };
}

export function isMedia(
  response: TSchema | MediaContent | null | undefined,
): response is MediaContent {
  return typeof response === 'object' && response !== null && 'mediaType' in response;
}

/** Refuses, at start-up, a request schema that would let unknown fields through at any depth. */
function checkStrict(schema: unknown, where: string): void {
  if (typeof schema !== 'object' || schema === null) return;
  if (
    Reflect.get(schema, 'type') === 'object' &&
    Reflect.get(schema, 'additionalProperties') !== false
  )
    throw new TypeError(`${where}: an object of a request must be a strictObject`);
  for (const child of Object.values(schema)) checkStrict(child, where);
}
