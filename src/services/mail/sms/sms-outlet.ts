import type { Outlet } from '../outlet.ts';
import type { TextRenderer } from '../render.ts';
import type { SmsGateway } from './gateway.ts';

/** Sends messages as text messages. */
export function createSmsOutlet(render: TextRenderer, send: SmsGateway): Outlet {
  return {
    channel: 'sms',
    send: ({ id, kind, recipient }, data, signal) =>
      send({ id, kind, to: recipient, text: render(kind, data) }, signal),
  };
}
