import type { Config } from '../../config/index.ts';
import type { HttpApp } from '../http/kernel/exchange.ts';
import { type Listener, type ListenOptions, listen } from '../http/listen.ts';
import type { Scope } from '../lib/lifecycle.ts';

/** The rest is for what comes after the last answer: batches, pools, PostgreSQL. */
const SHARE_OF_REQUESTS = 0.75;

/**
 * Opens a listener with the configured time-outs. When it closes, requests in flight are waited for,
 * but not until the end of the shutdown: a client that never sends the rest of its request must not
 * keep others' work from being finished.
 * @param name what the shutdown log calls it
 * @throws AppError `config_invalid` where it cannot listen
 */
export async function openListener(
  name: string,
  app: HttpApp,
  { config, scope }: { readonly config: Config; readonly scope: Scope },
  options: Omit<ListenOptions, 'timeouts'>,
): Promise<Listener> {
  const { http, shutdown } = config;
  const timeouts = { headersTimeout: http.headersTimeoutMs, requestTimeout: http.requestTimeoutMs };
  return scope.own(name, await listen(app, { ...options, timeouts }), (listener, leftMs) =>
    listener.close(Math.min(leftMs, shutdown.deadlineMs) * SHARE_OF_REQUESTS),
  );
}
