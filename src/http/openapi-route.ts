import { etagOfContent } from './etag.ts';
import { createOpenApi, type OpenApiInfo, type OpenApiOptions } from './kernel/openapi.ts';
import { media, plainRoute, type Route } from './kernel/route.ts';

/**
 * Serves the OpenAPI document of the given routes; written once, at start-up. A reader that has it
 * is answered 304.
 */
export function openApiRoute(
  routes: readonly Route<never>[],
  info: OpenApiInfo,
  options: OpenApiOptions,
): Route {
  const text = JSON.stringify(createOpenApi(routes, info, options));
  const etag = etagOfContent(text);
  return plainRoute({
    method: 'get',
    path: '/openapi.json',
    summary: 'This API as an OpenAPI 3.1 document',
    tags: ['documents'],
    auth: 'none',
    cacheControl: 'public, max-age=300',
    responses: { 200: media('application/json; charset=utf-8'), 304: null },
    handler: ({ headers }) =>
      headers['if-none-match'] === etag
        ? { status: 304, headers: { ETag: etag } }
        : { status: 200, body: text, headers: { ETag: etag } },
  });
}
