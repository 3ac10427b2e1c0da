import type { Clock } from '../../lib/clock.ts';
import { errorCode } from '../../lib/error-code.ts';
import { signWebhook } from './signature.ts';

export interface SignedPostOptions {
  /** Where to post; a user name and password in it become Basic authentication. */
  readonly url: string;
  /** How long the receiver may take to answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** What to sign with, read for each message: it may change while we run. */
  secrets(): Promise<readonly Buffer[]>;
  readonly userAgent: string;
}

/**
 * Posts one JSON message, signed (Standard Webhooks).
 * @param id the same at every try, so that the receiver can drop a repetition
 * @returns the status of the answer
 * @throws Error why there was none, without the URL, which is a secret
 */
export type SignedPost = (
  message: { readonly id: string; readonly body: string },
  signal: AbortSignal,
) => Promise<number>;

/** An answer says only yes or no; a longer one is cut off with its connection. */
const LONGEST_ANSWER = 65_536;

/** Idle connections close by themselves and hold no process: there is nothing to close. */
export function createSignedPost(options: SignedPostOptions): SignedPost {
  const { clock, timeoutMs } = options;
  const { address, authorization } = splitCredentials(options.url);

  return async ({ id, body }, signal) => {
    const secrets = await options.secrets();
    try {
      const response = await fetch(address, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'user-agent': options.userAgent,
          ...authorization,
          ...signWebhook(secrets, { id, sentAt: clock.now(), body }),
        },
        // Following would carry the message and its signature to wherever the answer says.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      // Its status is the receiver's word, whatever becomes of the rest.
      await discard(response).catch(() => undefined);
      return response.status;
    } catch (error) {
      throw new Error(describe(error));
    }
  };
}

/** `fetch` refuses a URL with credentials in it. */
function splitCredentials(text: string) {
  const url = new URL(text);
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  url.username = '';
  url.password = '';
  const basic = Buffer.from(`${user}:${password}`).toString('base64');
  const authorization = user || password ? { authorization: `Basic ${basic}` } : {};
  return { address: url.href, authorization };
}

/** Reads the answer to its end, so that its connection can carry the next message. */
async function discard({ body }: Response): Promise<void> {
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > LONGEST_ANSWER) return;
  }
}

/** The system's code where there is one: messages of `fetch` may quote the URL, and it is a secret. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.name === 'TimeoutError') return 'no answer in time';
  if (error.name === 'AbortError') return 'interrupted';
  return errorCode(error.cause) ?? 'the request failed';
}
