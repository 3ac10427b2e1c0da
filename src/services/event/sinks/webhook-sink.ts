import { createSignedPost, type SignedPostOptions } from '../../webhook/signed-post.ts';
import type { Sink } from './sink.ts';

/** Posts each event as JSON, signed; any 2xx answer confirms it. All of a batch go out at once. */
export function createWebhookSink(options: SignedPostOptions): Sink {
  const post = createSignedPost(options);
  return {
    name: 'webhook',
    publish: (events, signal) =>
      Promise.all(
        events.map((event) =>
          post(event, signal).then(
            (status) => (status >= 200 && status < 300 ? null : new Error(`HTTP ${status}`)),
            (error: Error) => error,
          ),
        ),
      ),
    close: async () => undefined,
  };
}
