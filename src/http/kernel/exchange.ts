import type Koa from 'koa';
import type { AppError } from '../../errors.ts';
import type { Client } from './route.ts';

/** What one request has gathered on its way through the middleware: `ctx.state`. */
export interface Exchange {
  readonly client: Client;
  /** The name of the route that serves it; null while none is found. */
  route: string | null;
  /** Why it was refused or failed; null while all is well. */
  error: AppError | null;
}

/** One listener's application, ready to listen. */
export type HttpApp = Koa<Exchange>;
export type HttpContext = Koa.ParameterizedContext<Exchange>;
export type Middleware = Koa.Middleware<Exchange>;
