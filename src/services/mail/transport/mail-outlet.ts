import type { MailReturns } from '../../limit/mail-budget.ts';
import type { Outlet } from '../outlet.ts';
import type { Renderer } from '../render.ts';
import type { Transport } from './transport.ts';

/**
 * Sends messages as mails.
 * @param returns where the budget of a mail that is not sent goes
 */
export function createMailOutlet(
  render: Renderer,
  transport: Transport,
  returns: MailReturns,
): Outlet {
  return {
    channel: 'mail',
    // Their budget is taken before they are written, for whoever asks for one must wait for the next.
    admit: async () => true,
    spare: ({ kind, recipient, created_at }) => returns.giveBack(kind, recipient, created_at),
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
