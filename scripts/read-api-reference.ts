import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The part of Fastify that the plugin below uses when it is registered. */
interface Recorded {
  readonly url: string;
  handler(request: unknown, reply: unknown): unknown;
}

const PACKAGE = '@scalar/fastify-api-reference';
const BUNDLE = '/js/scalar.js';

/**
 * Reads the browser bundle of Scalar's API reference: one script, styles included, that needs
 * nothing else. The package it comes from holds it as a text and hands it out through a route, so
 * the route is asked. (`@scalar/api-reference` has it as a file, but brings 300 packages along.)
 * @throws Error where the package has come to work differently
 */
export async function readApiReference(): Promise<string> {
  const { default: plugin } = await import('@scalar/fastify-api-reference');
  const routes: Recorded[] = [];
  const recorder = { route: (route: Recorded) => routes.push(route) };
  // A recorder is no Fastify; what it lacks is never asked for.
  plugin(
    recorder as never,
    { routePrefix: '/', configuration: { url: '/openapi.json' } },
    () => {},
  );
  const reply = { header: () => reply, send: (text: unknown) => text };
  const bundle = routes.find(({ url }) => url === BUNDLE)?.handler({}, reply);
  if (typeof bundle !== 'string') throw new Error(`no ${BUNDLE} in ${PACKAGE}`);
  return `/*!\n${readLicense()}*/\n${bundle}`;
}

/** Goes along with the copy, as it asks. */
function readLicense(): string {
  // Beside dist/, which is all that the package's exports name.
  const license = new URL('../LICENSE', import.meta.resolve(PACKAGE));
  return readFileSync(fileURLToPath(license), 'utf8');
}
