import { STATUS_CODES } from 'node:http';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { commonHeaders, routeHeaders } from './document-headers.ts';
import { COMPONENTS, problemExample } from './openapi-components.ts';
import { isMedia, type Route } from './route.ts';

export interface OpenApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description: string;
  /** What the routes of each tag are about. */
  readonly tags: Readonly<Record<string, string>>;
}

export interface OpenApiOptions {
  /** Whether the listener has a Guardian, which tells every client where it stands. */
  readonly isLimited: boolean;
}

type Json = Record<string, unknown>;
type AnyRoute = Route<never>;

/**
 * Writes the OpenAPI 3.1 document of the routes: the declarations that validate requests are the
 * ones that describe them, so the two cannot differ.
 *
 * A schema with an `$id` becomes a component of that name, referred to wherever it is used.
 */
export function createOpenApi(
  routes: readonly AnyRoute[],
  { tags, ...info }: OpenApiInfo,
  { isLimited }: OpenApiOptions,
): Json {
  const schemas = new Map<string, unknown>();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = paths[route.path] ?? {};
    paths[route.path] = path;
    path[route.method] = describeRoute(route, schemas, isLimited && !route.unlimited);
  }
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      parameters: onlyReferred('parameters', paths),
      headers: onlyReferred('headers', paths),
      securitySchemes: securitySchemesOf(routes),
      schemas: { ...COMPONENTS.schemas, ...Object.fromEntries(schemas) },
    },
  };
}

/** The shared parts that these routes refer to; linters warn of others, and generators make types of them. */
function onlyReferred(kind: 'parameters' | 'headers', paths: Json): Json {
  const text = JSON.stringify(paths);
  return Object.fromEntries(
    Object.entries(COMPONENTS[kind]).filter(([name]) =>
      text.includes(`"#/components/${kind}/${name}"`),
    ),
  );
}

/** How callers of these routes prove who they are; a listener has nothing to do with other ways. */
function securitySchemesOf(routes: readonly AnyRoute[]): Json {
  const used = new Set<string>(routes.map((route) => route.auth));
  return Object.fromEntries(
    Object.entries(COMPONENTS.securitySchemes).filter(([name]) => used.has(name)),
  );
}

function describeRoute(route: AnyRoute, schemas: Map<string, unknown>, isLimited: boolean): Json {
  const parameters = describeParameters(route, schemas);
  return {
    operationId: route.operation ?? operationId(route),
    summary: route.summary,
    ...(route.description && { description: route.description }),
    tags: route.tags,
    // An empty list says "nobody's token"; without one, readers cannot tell that from forgotten.
    security: route.auth === 'none' ? [] : [{ [route.auth]: route.scope ? [route.scope] : [] }],
    ...(parameters.length > 0 && { parameters }),
    ...(route.body && {
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: hoist(route.body, schemas),
            ...(route.example !== undefined && { example: route.example }),
          },
        },
      },
    }),
    responses: {
      ...describeAnswers(route, schemas, isLimited),
      ...describeErrors(route, isLimited),
    },
  };
}

/** `POST /v1/token/refresh` is `postV1TokenRefresh`. */
function operationId(route: AnyRoute): string {
  return route.name
    .toLowerCase()
    .replace(/[^a-z0-9]+([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
    .replace(/[^A-Za-z0-9]/g, '');
}

function describeParameters(route: AnyRoute, schemas: Map<string, unknown>): Json[] {
  const parameters: Json[] = [];
  for (const place of ['path', 'query'] as const) {
    const schema = place === 'path' ? route.params : route.query;
    // TypeBox leaves `required` out where every property is optional, whatever its type says.
    const requiredNames: readonly string[] = schema?.required ?? [];
    for (const [name, property] of Object.entries(schema?.properties ?? {})) {
      const required = place === 'path' || requiredNames.includes(name);
      parameters.push({ name, in: place, required, schema: hoist(property, schemas) });
    }
  }
  if (route.idempotent) parameters.push({ $ref: '#/components/parameters/IdempotencyKey' });
  if (route.conditional) parameters.push({ $ref: '#/components/parameters/IfMatch' });
  return parameters;
}

function describeAnswers(route: AnyRoute, schemas: Map<string, unknown>, isLimited: boolean): Json {
  const answers: Json = {};
  for (const [status, declared] of Object.entries(route.responses)) {
    const description = STATUS_CODES[status] ?? 'Answer';
    const headers = { ...commonHeaders(isLimited, Number(status)), ...routeHeaders(route) };
    if (declared === null) {
      answers[status] = { description, headers };
      continue;
    }
    const content = isMedia(declared)
      ? { [declared.mediaType]: {} }
      : { 'application/json': { schema: hoist(declared, schemas) } };
    answers[status] = { description, headers, content };
  }
  return answers;
}

/** One answer for each status, with an example for each code that has it. */
function describeErrors(route: AnyRoute, isLimited: boolean): Json {
  const answers: Json = {};
  const codes = errorsOf(route, isLimited);
  for (const status of new Set(codes.map((code) => ERRORS[code].http))) {
    // A route that declares this status itself, as /health does with 503, means something else by it.
    if (Object.hasOwn(route.responses, status)) continue;
    const examples: Json = {};
    for (const code of codes) {
      if (ERRORS[code].http === status) examples[code] = problemExample(code);
    }
    answers[status] = {
      description: `${STATUS_CODES[status]}: ${Object.keys(examples).join(', ')}`,
      headers: commonHeaders(isLimited, status),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples,
        },
      },
    };
  }
  return answers;
}

/** What the handler may throw, and what the kernel throws before it. */
function errorsOf(route: AnyRoute, isLimited: boolean): readonly ErrorCode[] {
  const codes = new Set<ErrorCode>(route.errors ?? []);
  if (route.auth !== 'none') codes.add('invalid_token');
  if (route.auth === 'operator') codes.add('forbidden');
  if (route.params) codes.add('not_found');
  if (!route.anyQuery || route.idempotent) codes.add('validation_failed');
  if (route.idempotent) codes.add('idempotency_conflict');
  if (route.conditional) codes.add('precondition_failed');
  // A GET takes no body, and says so to whoever sends one.
  if (route.method === 'get') codes.add('malformed_json');
  else for (const code of BODY_ERRORS) codes.add(code);
  if (isLimited) codes.add('rate_limited').add('overloaded');
  // The pool of hashes may be full, whoever asks.
  if (route.hashing) codes.add('overloaded');
  codes.add('internal').add('unavailable');
  return [...codes].sort((a, b) => ERRORS[a].http - ERRORS[b].http);
}

const BODY_ERRORS = [
  'malformed_json',
  'body_too_large',
  'unsupported_media_type',
  'validation_failed',
] as const;

/** Replaces each schema that has an `$id` by a reference, and files it under that name. */
function hoist(schema: unknown, schemas: Map<string, unknown>): unknown {
  if (Array.isArray(schema)) return schema.map((item) => hoist(item, schemas));
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $id, ...own } = { $id: undefined, ...schema };
  const plain = Object.fromEntries(
    Object.entries(own).map(([key, value]) => [key, hoist(value, schemas)]),
  );
  withValuesOfAnyKey(plain);
  if (typeof $id !== 'string') return plain;
  schemas.set($id, plain);
  return { $ref: `#/components/schemas/${$id}` };
}

/** How TypeBox says "any key"; readers of the document would show the pattern as if it were a key. */
const ANY_KEY = '^.*$';

function withValuesOfAnyKey(schema: Json): void {
  const patterns = schema.patternProperties as Json | undefined;
  if (patterns?.[ANY_KEY] === undefined) return;
  schema.additionalProperties = patterns[ANY_KEY];
  delete schema.patternProperties;
}
