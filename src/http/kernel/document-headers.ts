import type { Route } from './route.ts';

type Headers = Record<string, unknown>;

/** The headers that every answer of this status has, whatever the route. */
export function commonHeaders(isLimited: boolean, status: number): Headers {
  const names = ['X-Request-Id'];
  if (isLimited) names.push('RateLimit', 'RateLimit-Policy');
  if (status === 429 || status === 503) names.push('Retry-After');
  if (status === 401) names.push('WWW-Authenticate');
  return Object.fromEntries(names.map((name) => [name, refer(name)]));
}

/** The headers that a route's declaration adds to its own answers. */
export function routeHeaders({
  versioned,
  cacheControl,
  answerHeaders = {},
}: Route<never>): Headers {
  const described = Object.entries(answerHeaders).map(
    ([name, description]) => [name, { description, schema: { type: 'string' } }] as const,
  );
  return {
    ...(versioned && { ETag: refer('ETag') }),
    ...(cacheControl && {
      'Cache-Control': {
        description: 'How long the answer may be kept.',
        schema: { type: 'string', const: cacheControl },
      },
    }),
    ...Object.fromEntries(described),
  };
}

function refer(name: string) {
  return { $ref: `#/components/headers/${name}` };
}
