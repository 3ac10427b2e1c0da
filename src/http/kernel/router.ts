import KoaRouter from '@koa/router';
import { AppError } from '../../errors.ts';
import type { Guardian } from '../guardian.ts';
import type { Exchange, HttpContext, Middleware } from './exchange.ts';
import { limitRate } from './limit-rate.ts';
import type { Route } from './route.ts';
import type { Serve } from './serve.ts';

/** The three steps of finding a route, in the order they are to run. */
export interface RouterSteps {
  /** Paths without parameters, which every hot one is: one look-up whatever the number of routes. */
  readonly fixed: Middleware;
  /** Paths with parameters, tried in turn. */
  readonly parametrised: ReturnType<KoaRouter<Exchange>['routes']>;
  /** `not_found`, `method_not_allowed` with `Allow`, or the answer to OPTIONS. */
  readonly unmatched: Middleware;
}

type ByMethod<Services> = Map<string, Route<Services>>;

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

/**
 * Finds the route of a request. Paths are exact: no trailing slash, no other case. HEAD is GET
 * without the body.
 *
 * @throws TypeError where a method and path are declared twice
 */
export function createRouter<Services>(
  routes: readonly Route<Services>[],
  serve: Serve<Services>,
  guardian: Guardian | null,
): RouterSteps {
  const fixedPaths = new Map<string, ByMethod<Services>>();
  const router = new KoaRouter<Exchange>({ strict: true, sensitive: true });
  const names = new Set<string>();

  for (const route of routes) {
    if (names.has(route.name)) throw new TypeError(`${route.name} is declared twice`);
    names.add(route.name);
    if (route.path.includes('{')) {
      router[route.method](toRouterPath(route.path), (ctx) => serve(ctx, route, ctx.params));
    } else {
      addFixed(fixedPaths, route);
    }
  }

  function methodsOf(ctx: HttpContext): readonly string[] {
    const layers: KoaRouter<Exchange>['stack'] = ctx['matched'] ?? [];
    const fixed = fixedPaths.get(ctx.path)?.keys() ?? [];
    return [...fixed, ...layers.flatMap((layer) => layer.methods)];
  }

  return {
    fixed: (ctx, next) => {
      const route = fixedPaths.get(ctx.path)?.get(ctx.method);
      return route ? serve(ctx, route, NO_PARAMS) : next();
    },
    parametrised: router.routes(),
    unmatched: (ctx) => {
      if (guardian) limitRate(ctx, guardian, false);
      const methods = methodsOf(ctx);
      if (methods.length === 0) throw new AppError('not_found');
      ctx.set('Allow', [...new Set([...methods, 'OPTIONS'])].join(', '));
      if (ctx.method !== 'OPTIONS') throw new AppError('method_not_allowed');
      ctx.status = 204;
    },
  };
}

/** Our `{name}` is the router's `:name`, our `{rest*}`, which takes any number of segments, its `*rest`. */
function toRouterPath(path: string): string {
  return path.replaceAll(/\{(\w+)\*\}/g, '*$1').replaceAll(/\{(\w+)\}/g, ':$1');
}

function addFixed<Services>(
  fixedPaths: Map<string, ByMethod<Services>>,
  route: Route<Services>,
): void {
  const byMethod = fixedPaths.get(route.path) ?? new Map<string, Route<Services>>();
  fixedPaths.set(route.path, byMethod);
  byMethod.set(route.method.toUpperCase(), route);
  if (route.method === 'get') byMethod.set('HEAD', route);
}
