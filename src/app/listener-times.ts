import type { Config } from '../../config/index.ts';

/** The rest is for what comes after the last answer: batches, pools, PostgreSQL. */
const SHARE_OF_REQUESTS = 0.75;

/** How long a client of any listener may take to say what it wants. */
export function receiveTimeouts({ http }: Config) {
  return { headersTimeout: http.headersTimeoutMs, requestTimeout: http.requestTimeoutMs };
}

/**
 * How long a listener waits for requests in flight when it closes. Not until the end: a client that
 * never sends the rest of its request must not keep others' work from being finished.
 * @param leftMs what is left of the shutdown
 */
export function requestsDeadlineMs({ shutdown }: Config, leftMs: number): number {
  return Math.min(leftMs, shutdown.deadlineMs) * SHARE_OF_REQUESTS;
}
