import type { Outlet } from '../outlet.ts';
import type { Renderer } from '../render.ts';
import type { Transport } from './transport.ts';

/** Sends messages as mails. */
export function createMailOutlet(render: Renderer, transport: Transport): Outlet {
  return {
    channel: 'mail',
    // Their budget is taken before they are written, for whoever asks for one must wait for the next.
    admit: async () => true,
    expiresAfterMs: null,
    send: (mail, data, signal) =>
      transport.send(
        {
          ...render(mail.kind, data),
          id: mail.id,
          kind: mail.kind,
          messageId: mail.message_id,
          recipient: mail.recipient,
          date: mail.created_at,
        },
        signal,
      ),
  };
}
