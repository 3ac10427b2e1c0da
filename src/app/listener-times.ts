import type { Config } from '../../config/index.ts';

/** How long a client of any listener may take to say what it wants. */
export function receiveTimeouts({ http }: Config) {
  return { headersTimeout: http.headersTimeoutMs, requestTimeout: http.requestTimeoutMs };
}
