import type { Clock } from '../../../lib/clock.ts';
import type { OutgoingEvent, Sink } from './sink.ts';
import { signWebhook } from './webhook-signature.ts';

export interface WebhookOptions {
  /** Where to post; a user name and password in it become Basic authentication. */
  readonly url: string;
  /** How long the receiver may take to answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** What to sign with, read for each batch: it may change while we run. */
  secrets(): Promise<readonly Buffer[]>;
  readonly userAgent: string;
}

/** An answer says only yes or no; a longer one is cut off with its connection. */
const LONGEST_ANSWER = 65_536;

/** Posts each event as JSON, signed; any 2xx answer confirms it. All of a batch go out at once. */
export function createWebhookSink(options: WebhookOptions): Sink {
  const { clock, timeoutMs } = options;
  const { address, authorization } = splitCredentials(options.url);

  async function post(
    event: OutgoingEvent,
    secrets: readonly Buffer[],
    signal: AbortSignal,
  ): Promise<Error | null> {
    const { id, body } = event;
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
        // Following would carry the event and its signature to wherever the answer says.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      await discard(response);
      return response.ok ? null : new Error(`HTTP ${response.status}`);
    } catch (error) {
      return new Error(describe(error));
    }
  }

  return {
    name: 'webhook',
    async publish(events, signal) {
      const secrets = await options.secrets();
      return Promise.all(events.map((event) => post(event, secrets, signal)));
    },
    // Idle connections close by themselves and hold no process.
    close: async () => undefined,
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

/** Reads the answer to its end, so that its connection can carry the next event. */
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
  const cause: unknown = error.cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  return code ?? 'the request failed';
}
