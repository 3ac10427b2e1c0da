import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { packageRoot } from '../lib/package-root.ts';
import { etagOfContent } from './etag.ts';
import { hashSource } from './hash-source.ts';
import { media, plainRoute, type Route } from './kernel/route.ts';

/** Scalar's API reference, put there by the build: a megabyte, read from disk when somebody asks. */
const BUNDLE = join(packageRoot(), 'dist', 'api-reference.js.gz');
const BUNDLE_PATH = '/docs/api-reference.js';

/** Everything that would talk to somebody else's server is off; the policy below would stop it too. */
const CONFIGURATION = {
  url: '/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  hideClientButton: true,
  showDeveloperTools: 'never',
  persistAuth: false,
  documentDownloadType: 'json',
  defaultOpenAllTags: false,
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
};

/** Zod, in the bundle, would try whether it may make code from text; the policy below says no. */
const BEFORE = `globalThis.__zod_globalConfig = { jitless: true };`;
const START = `Scalar.createApiReference('#reference', ${JSON.stringify(CONFIGURATION)});`;

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>authctl API</title>
<link rel="icon" href="data:,">
<div id="reference"></div>
<noscript>This page needs JavaScript. The same is in <a href="/openapi.json">/openapi.json</a>.</noscript>
<script>${BEFORE}</script>
<script src="${BUNDLE_PATH}"></script>
<script>${START}</script>
</html>
`;

// Scripts: our own file and the two lines above. Styles are written by the script at run time, where
// neither a hash nor a nonce reaches all of them. Requests go to this origin and nowhere else.
const POLICY = [
  "default-src 'none'",
  `script-src 'self' ${hashSource(BEFORE)} ${hashSource(START)}`,
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** An interactive reference of this API, served whole from here: no CDN, no fonts, no telemetry. */
export function docsRoutes(): readonly Route[] {
  return [pageRoute(), bundleRoute()];
}

function pageRoute(): Route {
  return plainRoute({
    method: 'get',
    path: '/docs',
    summary: 'This API as a page to read and to try',
    tags: ['documents'],
    auth: 'none',
    cacheControl: 'public, max-age=300',
    contentSecurityPolicy: POLICY,
    responses: { 200: media('text/html; charset=utf-8') },
    handler: () => ({ status: 200, body: PAGE }),
  });
}

function bundleRoute(): Route {
  let etag: string | undefined;
  return plainRoute({
    method: 'get',
    path: BUNDLE_PATH,
    summary: 'The script of that page',
    tags: ['documents'],
    auth: 'none',
    cacheControl: 'public, max-age=86400',
    responses: { 200: media('text/javascript; charset=utf-8'), 304: null },
    async handler({ headers }) {
      const known = headers['if-none-match'];
      if (etag !== undefined && known === etag) return { status: 304, headers: { ETag: etag } };
      const packed = await readFile(BUNDLE);
      // Weak: the same script, packed or not.
      etag ??= `W/${etagOfContent(packed)}`;
      const common = { ETag: etag, Vary: 'Accept-Encoding' };
      if (!/\bgzip\b/.test(headers['accept-encoding'] ?? ''))
        return { status: 200, body: await promisify(gunzip)(packed), headers: common };
      return { status: 200, body: packed, headers: { ...common, 'Content-Encoding': 'gzip' } };
    },
  });
}
